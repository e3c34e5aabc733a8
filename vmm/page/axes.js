'use strict';
// What a study's series differ in: its axes, and the panels of small multiples along them.

/** An input as its id has it ("256 KiB"), which knows units that the number does not. */
function inputText(series, key) {
  const value = series.inputs[key];
  if (value === undefined) return missing;
  const start = series.id.search(new RegExp(`[/,\\[]${key.replace(/\W/g, '\\$&')}=`));
  if (typeof value !== 'number' || start < 0) return String(value);
  const text = series.id.slice(start + key.length + 2).split(/[,/\]]/)[0];
  return text.startsWith(String(value)) || / (B|[KMGT]iB)$/.test(text) ? text : String(value);
}

function axisOf(key, series, valueOf, textOf) {
  const texts = new Map();
  for (const one of series) {
    const value = valueOf(one);
    if (!texts.has(value)) texts.set(value, textOf(one));
  }
  const numeric = [...texts.keys()].every((value) => typeof value === 'number');
  const values = [...texts.keys()];
  if (numeric) values.sort((one, other) => one - other);
  const places = new Map(values.map((value, place) => [value, place]));
  return {
    key, values, numeric, valueOf,
    textOf: (one) => texts.get(valueOf(one)),
    placeOf: (one) => places.get(valueOf(one)),
  };
}

/** Whether each value of `axis` goes with one value of `other` only. */
function determines(axis, other, series) {
  const found = new Map();
  return series.every((one) => {
    const value = axis.valueOf(one);
    if (!found.has(value)) found.set(value, other.valueOf(one));
    return found.get(value) === other.valueOf(one);
  });
}

/** Inputs in the order of the ids, which is the study's; then those that are in none. */
function inputKeys(series) {
  const keys = [...new Set(series.flatMap((one) => Object.keys(one.inputs)))];
  const place = (key) => {
    const found = series[0].id.indexOf(`${key}=`);
    return found < 0 ? Infinity : found;
  };
  return keys.sort((one, other) => d3.ascending(place(one), place(other)));
}

/** The axes along which series differ; of those that say the same the first. */
function axesOf(series) {
  const keys = inputKeys(series);
  const all = [
    ...keys.map((key) =>
      axisOf(key, series, (one) => one.inputs[key], (one) => inputText(one, key))),
    axisOf('measurement', series, (one) => one.name, (one) => one.name),
  ].filter((axis) => axis.values.length > 1);
  return all.filter((axis, n) => !all.some((other, m) => m !== n
    && determines(other, axis, series) && (m < n || !determines(axis, other, series))));
}

function labelOf(series, axes) {
  const label = axes.map((axis) => axis.textOf(series)).join(' · ');
  return label === '' ? series.name : label;
}

/** "pages 16 · target user": what all series of a panel have in common. */
function titleOf(series, axes) {
  return axes.map((axis) => `${axis.key === 'measurement' ? '' : `${axis.key} `}${axis.textOf(series)}`)
    .join(' · ');
}

/** Series that have the values of `axes` in common, as [{title, series}]. */
function panelsOf(series, axes) {
  const panels = new Map();
  for (const one of series) {
    const key = JSON.stringify(axes.map((axis) => axis.placeOf(one)));
    if (!panels.has(key)) panels.set(key, {title: titleOf(one, axes), series: [], places: JSON.parse(key)});
    panels.get(key).series.push(one);
  }
  return [...panels.values()].sort((one, other) => d3.ascending(
    one.places.map((place) => String(place).padStart(6, '0')).join(),
    other.places.map((place) => String(place).padStart(6, '0')).join()));
}

function othersThan(axes, ...chosen) {
  return axes.filter((axis) => !chosen.includes(axis));
}
