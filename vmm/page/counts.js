'use strict';
// KVM's counts of what happened in one operation.

/** The mean over a series' repetitions, of each counter that they have. */
function countsOf(series) {
  const names = new Set(series.repetitions.flatMap((one) => Object.keys(one.kvm_counts ?? {})));
  return new Map([...names].map((name) =>
    [name, d3.mean(series.repetitions, (one) => one.kvm_counts?.[name])]));
}

function addCounts(section, study) {
  const rowsWithCounts = study.series.map((series) => ({series, counts: countsOf(series)}))
    .filter(({counts}) => counts.size !== 0);
  const names = [...new Set(rowsWithCounts.flatMap(({counts}) => [...counts.keys()]))]
    .map((name) => ({name, most: d3.max(rowsWithCounts, ({counts}) => Math.abs(counts.get(name) ?? 0))}))
    .filter(({most}) => most >= 0.005);
  if (names.length === 0) return;
  const axes = axesOf(study.series);
  addFold(section, 'What KVM counted, for each operation', (body) => {
    const table = addTable(body, 'KVM’s counts for each operation (KVM_GET_STATS_FD)')
      .attr('class', 'counts');
    addHeadRow(table, ['measurement', ...(severalResults ? ['result'] : [])]);
    table.select('thead tr').selectAll('th.number').data(names).join('th')
      .attr('class', 'number').attr('scope', 'col')
      .append('span').text(({name}) => name);
    const rows = table.append('tbody');
    addCapped(body, rowsWithCounts, 60, 'rows', ({series, counts}) => {
      const row = rows.append('tr');
      row.append('th').attr('scope', 'row').attr('title', series.id).text(labelOf(series, axes));
      if (severalResults) row.append('td').text(series.result.name);
      row.selectAll('td.number').data(names).join('td').attr('class', 'number bar')
        .classed('zero', ({name}) => (counts.get(name) ?? 0) === 0)
        .style('--share', ({name, most}) => `${100 * Math.abs(counts.get(name) ?? 0) / most}%`)
        .text(({name}) => (counts.has(name) ? numberText(counts.get(name)) : missing));
    });
  });
}
