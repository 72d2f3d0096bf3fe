"use strict";
// Draw every specification into the element before it; a chart that fails leaves its table open.
(async () => {
  for (const holder of document.querySelectorAll("script.specification")) {
    const place = document.getElementById(holder.dataset.chart);
    const width = place.clientWidth;
    const narrow = width < 460;
    const config = { axisY: { labelLimit: Math.max(100, Math.min(320, (narrow ? 0.36 : 0.4) * width)) } };
    if (narrow) config.axisX = { tickCount: 5, labelOverlap: true };
    try {
      await vegaEmbed(place, JSON.parse(holder.textContent), {
        renderer: "svg",
        config: config,
        actions: narrow ? false : { export: true, source: false, compiled: false, editor: false },
      });
    } catch (error) {
      console.error(error);
      place.textContent = "This chart could not be drawn; its numbers are in the table below.";
      const table = place.closest("figure").querySelector("details");
      if (table) table.open = true;
    }
  }
  document.body.dataset.drawn = "true";
})();
