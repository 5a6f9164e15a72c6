// Numbers and times as people read them.

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const UNITS = ["GiB", "TiB", "PiB", "EiB"];
const SPANS = [[31557600, "y"], [86400, "d"], [3600, "h"], [60, "min"]];

export function count(number) {
  return numbers.format(number);
}

export function size(gib) {
  if (gib == null) return "";
  let unit = 0;
  for (; gib >= 10240 && unit < 3; unit++) gib /= 1024;
  return `${numbers.format(gib)} ${UNITS[unit]}`;
}

export function age(epoch) {
  return epoch == null ? "" : span(Date.now() / 1000 - epoch);
}

export function span(seconds) {
  const [length, unit] = SPANS.find(([least]) => seconds >= least) ?? [1, "s"];
  return `${Math.max(0, Math.floor(seconds / length))} ${unit}`;
}

export function when(epoch) {
  return epoch == null ? "" : new Date(epoch * 1000).toLocaleString();
}

export function statusIcon(kind, status) {
  if (status.startsWith("error")) return "fault";
  if (status.endsWith("ing")) return "busy";
  if (["in-use", "attached"].includes(status)) return "use";
  if (["available", "open"].includes(status)) return "ok";
  return ["closed", "detached"].includes(status) ? "idle" : "unknown";
}
