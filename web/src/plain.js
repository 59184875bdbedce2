// SPDX-License-Identifier: MIT
// Documents that have no sections, such as those of other verbs: whatever is in them, as tables.

const scalar = (value) => value === null || typeof value !== 'object'
const shown = (value) => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : value)

/* bytes, seconds: by the end of the key, as our documents have it. */
function unitOf(key) {
  const unit = /_?(bytes|seconds|nanoseconds|percent)$/.exec(key)
  return unit ? unit[1] : ''
}

const words = (key) => key.replaceAll('_', ' ')

/* An object with objects in it, as one row: {a: {b: 1}} has a column "a b". */
function flat(object, before = '', row = {}) {
  for (const [key, value] of Object.entries(object)) {
    const name = before ? `${before} ${key}` : key
    if (scalar(value)) row[name] = shown(value)
    else if (!Array.isArray(value)) flat(value, name, row)
    else if (value.every(scalar)) row[name] = value.join(' ')
  }
  return row
}

function tableOf(title, list) {
  const rows = list.map((item) => (scalar(item) ? { value: shown(item) } : flat(item)))
  const keys = [...new Set(rows.flatMap(Object.keys))]
  return {
    kind: 'table', title,
    columns: keys.map((key) => ({ name: words(key), unit: unitOf(key) })),
    rows: rows.map((row) => keys.map((key) => row[key] ?? null)),
  }
}

export function sectionsOf(document) {
  const sections = []
  const facts = []
  for (const [key, value] of Object.entries(document)) {
    if (['schema', 'version', 'title', 'command', 'made', 'machine', 'file'].includes(key)) continue
    if (scalar(value)) facts.push([words(key), shown(value)])
    else if (Array.isArray(value)) sections.push(tableOf(words(key), value))
    else {
      const row = flat(value)
      sections.push({
        kind: 'table', title: words(key), columns: [{ name: 'what' }, { name: 'value' }],
        rows: Object.entries(row).map(([name, what]) => [words(name), what]),
      })
    }
  }
  if (facts.length) sections.unshift({ kind: 'table', title: 'Facts', columns: [{ name: 'what' }, { name: 'value' }], rows: facts })
  return sections
}
