"""A WeChat to practise on: the platform's hosts over a simulated shop. Everything in it is 演示数据; see README.md and coverage.md."""
