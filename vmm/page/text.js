'use strict';
// Numbers as text.

const thinSpace = '\u202f';
const missing = '–';

/** 1234567.8 as "1 234 568"; less than 100 with digits behind the point. */
function numberText(number) {
  if (typeof number !== 'number' || !Number.isFinite(number)) return missing;
  const size = Math.abs(number);
  if (Number.isInteger(number) || size >= 100) {
    return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, thinSpace);
  }
  return number.toFixed(size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4);
}

/** Nanoseconds with three digits, in the unit that fits: "155 µs". */
function timeText(ns) {
  if (typeof ns !== 'number' || !Number.isFinite(ns)) return missing;
  const [size, unit] = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']].find(([least]) => ns >= least)
    ?? [1, 'ns'];
  const value = ns / size;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${thinSpace}${unit}`;
}

/** The same for a tick of an axis, which is a round number. */
function timeTick(ns) {
  return timeText(ns).replace(/(\.\d*?)0+(?=\D)/, '$1').replace(/\.(?=\D)/, '');
}

function bytesText(bytes) {
  const [size, unit] = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']]
    .find(([least]) => bytes >= least) ?? [1, 'B'];
  return `${numberText(bytes / size)}${thinSpace}${unit}`;
}

/** 0.051 as "+5.1 %". */
function changeText(change) {
  if (typeof change !== 'number' || !Number.isFinite(change)) return missing;
  const percent = change * 100;
  const text = Math.abs(percent) >= 1000 ? numberText(percent) : percent.toFixed(1);
  return `${percent >= 0 ? '+' : ''}${text}${thinSpace}%`.replace('-', '−');
}

function counted(count, noun) {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Whatever JSON has at a place, on one line. */
function valueText(value) {
  if (value === null || value === undefined || value === '') return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(valueText).join(', ');
  if (typeof value === 'object') {
    return Object.entries(value).map(([name, one]) => `${name}: ${valueText(one)}`).join(', ');
  }
  return String(value);
}
