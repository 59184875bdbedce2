// SPDX-License-Identifier: MIT
// Tables that can be sorted by each column, and searched when they are long. The best value of a
// column that says what is better is marked, and the column that is sorted by shows bars.

import { h } from './dom.js'
import { capital, format } from './format.js'

const FIRST = 20 // rows shown at first
const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value)

/* A long word may be broken after the signs that part names; within a name only if it is very long. */
const breakable = (text) => text.split(/( +)/).map((word) => (word.length <= 12 ? word
  : (word.match(/[_:/.,(<-]*[^_:/.,(<-]{1,24}[_:/.,(<-]*/g) || [word]).map((part, at, parts) =>
    [at && parts[parts.length - 1] === part && part.length < 4 ? null : at ? h('wbr') : null, part])))

/* What is missing comes last, whichever way it is sorted. */
function compare(a, b, direction) {
  const [missingA, missingB] = [a === null || a === undefined, b === null || b === undefined]
  if (missingA || missingB) return missingA - missingB
  if (isNumber(a) && isNumber(b)) return direction * (a - b)
  return direction * collator.compare(String(a), String(b))
}

/* The best value, if not all are the same. */
function bestOf(column, values) {
  const numbers = values.filter(isNumber)
  if (!column.better || numbers.length < 2) return undefined
  const [least, most] = numbers.reduce(([low, high], value) =>
    [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity])
  return least === most ? undefined : column.better === 'less' ? least : most
}

/* columns: {name, unit, better}; rows: arrays of values. */
export function table(columns, rows, caption) {
  // A column with a unit is one of figures, even if none is known.
  const numeric = columns.map((column, at) => (column.unit || rows.some((row) => isNumber(row[at]))) &&
    rows.every((row) => typeof row[at] !== 'string'))
  const brief = columns.map((_, at) => !numeric[at] && rows.every((row) => String(row[at] ?? '').length <= 12))
  // In a long list the rows are no rivals.
  const best = columns.map((column, at) => (rows.length > FIRST + 5 ? undefined : bestOf(column, rows.map((row) => row[at]))))
  let sorted = -1
  let direction = 1
  let all = rows.length <= FIRST + 5
  let words = ''

  const body = h('tbody')
  const heads = columns.map((column, at) => {
    const words = capital(column.name).split(' ')
    const last = h('span', { class: 'last' }, words.pop(), h('span', { class: 'order', 'aria-hidden': 'true' }))
    const button = h('button', { type: 'button', onclick: () => sort(at) }, words.map((word) => `${word} `), last)
    return h('th', { scope: 'col', class: numeric[at] ? 'number' : null }, button)
  })
  const more = h('button', { type: 'button', onclick: () => { all = true; show(); body.rows[FIRST]?.querySelector('th')?.focus() } })
  const count = h('span', { class: 'count', 'aria-live': 'polite' })

  function cell(row, at, greatest) {
    const value = row[at]
    const isBest = best[at] !== undefined && value === best[at]
    const attributes = { class: [numeric[at] && 'number', brief[at] && 'brief', isBest && 'best'].filter(Boolean).join(' ') || null }
    if (at === sorted && greatest > 0 && isNumber(value) && value > 0)
      attributes.style = `--part:${((value / greatest) * 100).toFixed(1)}%`
    const shown = format(value, columns[at].unit)
    const text = typeof value === 'string' ? breakable(shown) : shown
    const element = at === 0 ? h('th', { scope: 'row', ...attributes, tabindex: -1 }, text)
      : h('td', { ...attributes, 'data-label': capital(columns[at].name) }, text)
    if (isBest) element.append(h('span', { class: 'sign', title: 'best of the column' }, ' ★'))
    return element
  }

  function show() {
    const chosen = words
      ? rows.filter((row) => row.some((value, at) => format(value, columns[at].unit).toLowerCase().includes(words))) : rows
    const list = sorted < 0 ? chosen
      : [...chosen].sort((a, b) => compare(a[sorted], b[sorted], direction))
    const greatest = sorted < 0 || !numeric[sorted] ? 0
      : list.reduce((most, row) => Math.max(most, row[sorted] || 0), 0)
    const shown = all ? list : list.slice(0, FIRST)
    body.replaceChildren(...shown.map((row) =>
      h('tr', null, columns.map((_, at) => cell(row, at, greatest)))))
    heads.forEach((head, at) => {
      if (at === sorted) head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending')
      else head.removeAttribute('aria-sort')
    })
    if (width) fit()
    more.hidden = shown.length === list.length
    more.textContent = `Show all ${list.length} rows`
    count.textContent = words ? `${list.length} of ${rows.length} rows` : ''
  }

  /* Figures are sorted from the greatest first, unless less is better. */
  function sort(at) {
    const first = numeric[at] && columns[at].better !== 'less' ? -1 : 1
    if (at === sorted && direction !== first) sorted = -1
    else direction = at === sorted ? -direction : first, sorted = at
    show()
  }

  const search = rows.length > FIRST + 5 && h('label', { class: 'search' }, 'Find ',
    h('input', { type: 'search', oninput: (event) => { words = event.target.value.trim().toLowerCase(); all = all || words !== ''; show() } }), ' ', count)
  const grid = h('table', null, h('caption', { class: 'unseen' }, caption), h('thead', null, h('tr', null, heads)), body)
  const scroll = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${caption}` }, grid)
  let width = 0

  /* Where its columns have no room, each row becomes a small list: its name, then its figures. */
  function fit() {
    grid.classList.remove('stacked')
    grid.classList.toggle('stacked', scroll.scrollWidth > scroll.clientWidth)
  }

  show()
  new ResizeObserver(() => {
    if (scroll.clientWidth === width) return
    width = scroll.clientWidth
    fit()
  }).observe(scroll)
  return h('div', { class: rows.length > 1 ? 'tabular' : 'tabular single' }, search || null, scroll, more)
}
