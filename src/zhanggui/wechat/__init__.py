"""The WeChat platform library: clients, callbacks, payload schemas. No tables, no shop rules, no Django."""
