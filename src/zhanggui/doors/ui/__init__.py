"""The small design system: tokens, components with meaning, values they draw, offline charts."""
