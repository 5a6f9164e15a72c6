// Numbers, times and statuses as people read them.

import { STATUS_MEANINGS } from "./schema.js";

/** @import { Kind } from "./schema.js" */
/** @import { IconName } from "./icons.js" */

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const UNITS = ["GiB", "TiB", "PiB", "EiB"];
/** @type {[seconds: number, unit: string][]} */
const SPANS = [
  [31557600, "y"],
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** @param {number} number */
export function formatCount(number) {
  return numbers.format(number);
}

/** @param {number | null | undefined} gib */
export function formatSize(gib) {
  if (gib == null) return "";
  let size = gib;
  let unit = 0;
  for (; size >= 10240 && unit < UNITS.length - 1; unit++) size /= 1024;
  return `${numbers.format(size)} ${UNITS[unit]}`;
}

/**
 * Return how long ago *epoch* (seconds since 1970) was.
 * @param {number | null | undefined} epoch
 */
export function formatAge(epoch) {
  return epoch == null ? "" : formatSpan(Date.now() / 1000 - epoch);
}

/**
 * Return a span in its largest whole unit.
 * @param {number} seconds
 */
export function formatSpan(seconds) {
  const [length, unit] = SPANS.find(([least]) => seconds >= least) ?? [1, "s"];
  return `${Math.max(0, Math.floor(seconds / length))} ${unit}`;
}

/**
 * Return the local date and time of *epoch* (seconds since 1970).
 * @param {number | null | undefined} epoch
 */
export function formatTime(epoch) {
  return epoch == null ? "" : new Date(epoch * 1000).toLocaleString();
}

/**
 * Return the icon of a status. Statuses that cl_notebook does not set, such as those of Cinder's services, go by their spelling.
 * @param {Kind} kind
 * @param {string} status
 * @returns {IconName}
 */
export function statusIcon(kind, status) {
  const meaning = STATUS_MEANINGS[kind][status];
  if (meaning === "fault" || (!meaning && status.startsWith("error"))) return "fault";
  if (meaning === "busy" || (!meaning && status.endsWith("ing"))) return "busy";
  if (["in-use", "attached"].includes(status)) return "use";
  if (["available", "open"].includes(status)) return "ok";
  return ["closed", "detached"].includes(status) ? "idle" : "unknown";
}
