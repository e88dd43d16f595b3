// Runs before the first paint, so that a chosen theme never flashes.
(() => { try { const t = localStorage.getItem("zhanggui-theme"); if (t === "dark" || t === "light") document.documentElement.dataset.theme = t; } catch { /* storage refused: the system's choice holds */ } })();
