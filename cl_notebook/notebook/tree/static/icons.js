// Icons, drawn with a line in the colour of the text beside them.

const SVG = "http://www.w3.org/2000/svg";
const ARCS =
  "M4.8 4.8a4.5 4.5 0 0 0 0 6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.9 2.9a7.2 7.2 0 0 0 0 10.2M13.1 2.9a7.2 7.2 0 0 1 0 10.2";
const RING = "M8 2.5a5.5 5.5 0 1 0 .01 0";

/** @typedef {keyof typeof PATHS} IconName */

const PATHS = {
  backend: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h1M4.5 11h1",
  volume: "M3 4c0-1 2.2-2 5-2s5 1 5 2-2.2 2-5 2-5-1-5-2v8c0 1 2.2 2 5 2s5-1 5-2V4",
  snapshot: "M2 5h2.5l1.5-2h4l1.5 2H14v8H2zM8 6.5a2.3 2.3 0 1 0 .01 0",
  connection: "M6 10l4-4M7 4.7l1.3-1.2a2.8 2.8 0 0 1 4.2 4.2L11.3 9M9 11.3l-1.3 1.2a2.8 2.8 0 0 1-4.2-4.2L4.7 7",
  ok: "M3 8.5l3.2 3.2L13 5",
  use: `${RING}M8 6.5a1.5 1.5 0 1 0 .01 0`,
  idle: RING,
  busy: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  fault: "M8 2l6.5 11.5h-13zM8 6.5v3.2M8 11.5v.2",
  unknown: `${RING}M6.4 6.6a1.7 1.7 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1M8 11v.2`,
  open: "M4 6l4 4 4-4",
  closed: "M6 4l4 4-4 4",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3L14 14",
  add: "M8 3v10M3 8h10",
  more: "M3 8h.6M7.7 8h.6M12.4 8h.6",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  close: "M4 4l8 8M12 4l-8 8",
  put: "M9 3h5v10H9M2 8h7.5M6.5 5L9.5 8 6.5 11",
  columns: "M2 3h12v10H2zM6 3v10M10 3v10",
  up: "M8 13V4M4.5 7L8 3.5 11.5 7",
  down: "M8 3v9M4.5 9L8 12.5 11.5 9",
  live: `${ARCS}M8 7.5a.5.5 0 1 0 .01 0`,
  lost: `${ARCS}M2.5 13.5l11-11`,
};

/** @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `cl-icon cl-i-${name}`);
  svg.append(path);
  return svg;
}
