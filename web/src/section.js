// SPDX-License-Identifier: MIT
// A section: its title, what it draws, its note, and its data as a table.

import { bars } from './bars.js'
import { h } from './dom.js'
import { flame } from './flame.js'
import { capital } from './format.js'
import { heapmap } from './heapmap.js'
import { histogram } from './histogram.js'
import { series } from './series.js'
import { table } from './table.js'
import { figures, prose, text } from './words.js'

const MOST_ROWS = 2000

const kinds = {
  text, figures, series, bars, histogram, flame, heapmap,
  table: (section) => ({ plot: table(section.columns || [], section.rows || [], section.title || 'Table') }),
}

/* Every n-th row of a table that would be too long to be read. */
function thinned(rows) {
  const stride = Math.ceil(rows.length / MOST_ROWS)
  return stride > 1 ? rows.filter((_, at) => at % stride === 0 || at === rows.length - 1) : rows
}

function dataOf(drawn, title) {
  const details = h('details', { class: 'data' }, h('summary', null, 'Data as a table'))
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return
    const rows = drawn.rows()
    const shown = thinned(rows)
    if (shown.length < rows.length) details.append(h('p', { class: 'remark' }, `${shown.length} of ${rows.length} rows`))
    details.append(table(drawn.columns, shown, `${title}: data`))
  })
  return details
}

const failed = (error) => {
  console.error(error)
  return h('p', { class: 'empty' }, `This section cannot be shown: ${error.message}.`)
}

/* The element, and start() to call when it is in the page. */
export function sectionOf(section, id, level) {
  section ||= {}
  const title = capital(section.title)
  let drawn
  try {
    const draw = kinds[section.kind]
    if (!draw) throw new Error(`there is no kind of section called ${section.kind}`)
    drawn = draw(section)
  } catch (error) {
    drawn = { plot: failed(error) }
  }
  const element = h('section', { class: `card of-${section.kind}`, id, 'aria-labelledby': `${id}-title` },
    h(level, { id: `${id}-title` }, title || capital(section.kind)), drawn.plot,
    section.note ? h('div', { class: 'note' }, prose(section.note)) : null,
    drawn.rows ? dataOf(drawn, title) : null)
  const start = () => {
    try {
      if (drawn.start) drawn.start()
    } catch (error) {
      drawn.plot.replaceWith(failed(error))
    }
  }
  return { element, title: title || capital(section.kind), start }
}
