'use strict';
// Pieces of the page that several parts have. Texts of results are set as text, never as HTML.

let numberOfSections = 0;

/** A section with its entry in the table of contents. */
function addSection(title) {
  const id = `section-${++numberOfSections}`;
  d3.select('#contents').append('li').append('a').attr('href', `#${id}`).text(title);
  const section = d3.select('#main').append('section').attr('id', id);
  section.append('h2').text(title);
  return section;
}

/** Something folded, made when it is opened. */
function addFold(parent, title, make) {
  const fold = parent.append('details');
  fold.append('summary').text(title);
  const body = fold.append('div').attr('class', 'folded');
  drawWhenSeen(body, () => make(body));
  return fold;
}

/** A table in a box of its own, which scrolls where the page is narrow. */
function addTable(parent, caption) {
  const box = parent.append('div').attr('class', 'table-box').attr('tabindex', 0)
    .attr('role', 'region').attr('aria-label', caption);
  const table = box.append('table');
  table.append('caption').text(caption);
  return table;
}

function addHeadRow(table, titles) {
  return table.append('thead').append('tr').selectAll('th').data(titles).join('th')
    .attr('scope', 'col').text((title) => title);
}

/** Adds the first `most` of `items` by `add`, and a button for the rest. */
function addCapped(parent, items, most, noun, add) {
  items.slice(0, most).forEach(add);
  if (items.length <= most) return;
  const button = parent.append('button').attr('type', 'button').attr('class', 'more')
    .text(`Show all ${numberText(items.length)} ${noun}`);
  button.on('click', () => {
    button.remove();
    items.slice(most).forEach(add);
  });
}

/** A labelled choice among `options`, [{text, value}]. */
function addChoice(parent, label, options, chosen, onChange) {
  const box = parent.append('label').attr('class', 'choice');
  box.append('span').text(label);
  const select = box.append('select');
  select.selectAll('option').data(options).join('option')
    .property('selected', (option) => option.value === chosen)
    .text((option) => option.text);
  select.on('change', () => onChange(options[select.property('selectedIndex')].value));
  return select;
}

/** A figure that `draw(body)` fills when it is seen, and again when its width changes. */
function addFigure(parent, title, kind, draw) {
  const figure = parent.append('figure').attr('class', `figure ${kind}`);
  figure.append('figcaption').text(title);
  const controls = figure.append('div').attr('class', 'controls');
  const body = figure.append('div').attr('class', 'plots');
  let width = 0;
  const redraw = () => {
    width = body.node().clientWidth;
    body.selectAll('*').remove();
    draw(body);
  };
  drawWhenSeen(figure, () => {
    redraw();
    new ResizeObserver(() => {
      if (Math.abs(body.node().clientWidth - width) > 8 && !matchMedia('print').matches) redraw();
    }).observe(body.node());
  });
  return {figure, controls, redraw: () => { if (width !== 0) redraw(); }};
}

/** An id, which may be broken behind its separators. */
function addBreakable(parent, text) {
  for (const part of text.split(/(?<=[,/[])/)) {
    parent.append('span').text(part);
    parent.append('wbr');
  }
  return parent;
}

function addNote(parent, text) {
  return parent.append('p').attr('class', 'note').text(text);
}
