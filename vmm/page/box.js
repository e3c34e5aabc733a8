'use strict';
// Box plots, lying: a row for each series, below its cumulative distribution.

const boxRow = 24;

function boxFigures(series, measure) {
  const of = (name) => {
    const value = figureOf(series, name);
    return value === null ? null : measure.of(series, value);
  };
  const box = Object.fromEntries(figures.map(({name}) => [name, of(name)]));
  return {...box, end: box.p99 ?? box.p90 ?? box.max};
}

function boxText(series, box, measure) {
  const known = figures.filter(({name}) => box[name] !== null)
    .map(({name}) => `${name} ${measure.text(box[name])}`);
  return `${series.id}\n${counted(pooled(series).count, 'sample')}: ${known.join(', ')}`;
}

/** The box itself, around y = 0. */
function addBox(group, box, x, height) {
  const width = (from, to) => Math.max(1.5, x(to) - x(from));
  group.append('line').attr('class', 'whisker')
    .attr('x1', x(box.min)).attr('x2', x(box.end)).attr('y1', 0).attr('y2', 0);
  group.append('rect').attr('class', 'quartiles').attr('x', x(box.p25)).attr('y', -height / 2)
    .attr('width', width(box.p25, box.p75)).attr('height', height).attr('rx', 1.5);
  group.append('line').attr('class', 'median').attr('x1', x(box.p50)).attr('x2', x(box.p50))
    .attr('y1', -height / 2 - 1).attr('y2', height / 2 + 1);
  group.append('line').attr('class', 'greatest').attr('x1', x(box.max)).attr('x2', x(box.max))
    .attr('y1', -3.5).attr('y2', 3.5);
}

/** A row of its own for a series: its name, and what is said of it where it is pointed at. */
function addBoxRow(svg, one, x, middle, text, label) {
  const warnings = seriesWarnings(one);
  const group = svg.append('g').datum(one).classed('later', one.result.place !== 0)
    .attr('transform', `translate(0,${middle})`);
  group.append('title').text([text, ...warnings.map((warning) => `⚠ ${warning.text}`)].join('\n'));
  group.append('rect').attr('class', 'hit').attr('x', 0).attr('y', -boxRow / 2)
    .attr('width', x.range()[1]).attr('height', boxRow);
  group.append('text').attr('class', 'box-label').classed('marked', warnings.length !== 0)
    .attr('x', x.range()[0] - 8).attr('dy', '0.32em').attr('text-anchor', 'end')
    .text(shortened(`${warnings.length === 0 ? '' : '⚠ '}${label}`, x.range()[0] - 14));
  return group;
}

/** Boxes with their labels from `top` on; the medians of repetitions are dots, and so are the
    samples of which there are too few for a box. */
function addBoxes(svg, series, x, top, measure, axis, labelText) {
  series.forEach((one, row) => {
    const box = boxFigures(one, measure);
    const group = addBoxRow(svg, one, x, top + (row + 0.5) * boxRow, boxText(one, box, measure),
      labelText(one));
    colored(group, axis, () => (axis === null ? one.result.place : axis.placeOf(one)));
    const single = singleSamples(one);
    if (single !== null) {
      group.selectAll('.single').data(single).join('circle').attr('class', 'single')
        .attr('cx', (sample) => x(measure.of(one, sample))).attr('r', 3);
      return;
    }
    group.classed('box', true);
    addBox(group, box, x, 11);
    group.selectAll('circle').data(mediansOf(one)).join('circle').attr('class', 'repetition')
      .attr('cx', (repetition) => x(measure.of(one, repetition.p50))).attr('r', 2.2)
      .append('title')
      .text((repetition) => `repetition ${repetition.repetition}: median ${
        measure.text(measure.of(one, repetition.p50))}`);
  });
}
