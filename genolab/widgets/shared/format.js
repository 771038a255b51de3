// Numbers as they are written.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 12345 -> "12,345". */
export function count(value) {
  return WHOLE.format(value);
}

/** A number with `digits` that mean something: 0.001234 -> "1.23e-3", 12.345 -> "12.3", 12345.6 -> "12,346". */
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "none";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(digits - 1);
  if (size >= 10 ** digits) return WHOLE.format(value);
  return String(Number(value.toPrecision(digits)));
}

/** Text of at most `most` characters. */
export function short(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}\u2026`;
}
