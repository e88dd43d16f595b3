"""掌柜: an operating system for WeChat Store merchants. The map of the house is in docs/map.md."""

__version__ = "0.1.0"
