"""The simulated market, by subject: tables and time, the shelf, what an order is, groups, trade, the crowd. Put together in `shopworld` (演示数据)."""
