'use strict';
// Where the results come from: a column for each.

function trustOf(result) {
  return result.report.host?.timings?.trust ?? null;
}

function cyclesOf(distribution, calibration) {
  if (distribution === null || distribution === undefined) return null;
  const time = calibration.tsc_khz > 0
    ? ` (${timeText(distribution.p50 * 1e6 / calibration.tsc_khz)})` : '';
  return `${numberText(distribution.p50)} cycles${time}, median of ${numberText(distribution.count)}`;
}

/** [name, text of each result] of what is known of all hosts at once. */
function hostFacts() {
  const host = (read) => (result) => read(result.report.host ?? {});
  const calibrated = (read) => host((one) => (one.calibration ? read(one.calibration) : null));
  return [
    ['CPU', host((one) => one.cpu)],
    ['kernel', host((one) => one.kernel)],
    ['KVM module', host((one) => one.kvm_module)],
    ['paging', host((one) => one.paging)],
    ['itself a VM', host((one) => (one.nested ? `yes (${one.hypervisor})` : one.nested))],
    ['emulated by', host((one) => one.emulated ?? (one.cpu ? 'nothing' : null))],
    ['cores', host((one) => one.cores)],
    ['memory', host((one) => (one.memory ? bytesText(one.memory) : null))],
    ['TSC', calibrated((one) => (one.tsc_khz ? `${numberText(one.tsc_khz / 1000)} MHz` : null))],
    ['trust of timings', trustOf],
    ['exit round trip', calibrated((one) => cyclesOf(one.exit_round_trip, one))],
    ['IPI to a halted vCPU', calibrated((one) => cyclesOf(one.ipi_to_halted, one))],
    ['IPI to a spinning vCPU', calibrated((one) => cyclesOf(one.ipi_to_spinning, one))],
    ['kernel instruction', calibrated((one) => `${valueText(one.kernel_cycles_per_instruction)} cycles`)],
    ['user instruction', calibrated((one) => `${valueText(one.user_cycles_per_instruction)} cycles`)],
    ['command', (result) => (result.report.command ?? []).join(' ')],
    ['nestbed', (result) => result.report.nestbed],
    ['took', (result) => (result.report.seconds ? timeText(result.report.seconds * 1e9) : null)],
  ];
}

function addFactTable(parent, caption, facts) {
  const table = addTable(parent, caption).attr('class', 'facts');
  if (severalResults) addHeadRow(table, ['', ...results.map((result) => result.name)]);
  const body = table.append('tbody');
  addCapped(parent, facts, 200, 'rows', ([name, read]) => {
    const texts = results.map((result) => valueText(read(result)));
    const row = body.append('tr').classed('differs', new Set(texts).size > 1);
    row.append('th').attr('scope', 'row').text(name);
    row.selectAll('td').data(texts).join('td').classed('unknown', (text) => text === 'unknown')
      .text((text) => text);
  });
}

/** Every key that one of the objects has, however deep. */
function factsIn(read) {
  const flat = results.map((result) => new Map(flattened(read(result) ?? {})));
  const names = [...new Set(flat.flatMap((facts) => [...facts.keys()]))];
  return names.map((name) => [name.replace(/_/g, ' '), (result) => flat[result.place].get(name)]);
}

function addHosts() {
  const section = addSection(severalResults ? 'Hosts' : 'Host');
  addFactTable(section, severalResults ? 'Hosts' : 'Host', hostFacts());
  for (const result of results) {
    addTextList(section, `Timings${severalResults ? ` of ${result.name}` : ''}`, [
      ...(result.report.host?.timings?.remarks ?? []),
      ...(result.report.host?.calibration?.problems ?? []),
    ]);
  }
  if (results.some((result) => result.report.provenance)) {
    addFold(section, 'Provenance', (body) =>
      addFactTable(body, 'Provenance', factsIn((result) => result.report.provenance)));
  }
  addFold(section, 'All that is known of the host', (body) =>
    addFactTable(body, 'Everything', factsIn((result) => result.report.host)));
}
