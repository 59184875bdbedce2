// SPDX-License-Identifier: MIT
// Groups of bars, one group for each category, lying, so that names have room. A bar may have an
// interval, which is drawn over its end.

import { h, keepDrawn, svg, toggle } from './dom.js'
import { capital, format, tick, ticks } from './format.js'
import { seriesVariable } from './theme.js'
import { announcer } from './tip.js'
import { walkable } from './walk.js'

const NARROW = 560
const finite = (value) => typeof value === 'number' && Number.isFinite(value)

function extent(values) {
  let [low, high] = [0, 0]
  for (const value of values) {
    if (!finite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return [low, high || (low < 0 ? 0 : 1)]
}

/* The widest label takes what it needs, up to a third of the drawing. */
function labelWidth(categories, width) {
  const context = document.createElement('canvas').getContext('2d')
  context.font = '600 13px system-ui, sans-serif'
  const widest = Math.max(0, ...categories.map((name) => context.measureText(name).width))
  return Math.min(width / 3, widest + 16)
}

function fit(text, width) {
  const letters = Math.floor(width / 6.8)
  return text.length > letters ? text.slice(0, Math.max(1, letters - 1)) + '…' : text
}

export function bars(section) {
  const categories = (section.categories || []).map(String)
  const series = section.series || []
  const { y: axis = {} } = section
  const shown = series.map(() => true)
  const reading = announcer('')
  const walk = walkable(section.title || 'Bars', reading.say)

  function itemOf(bar, at, category, place) {
    const value = format(bar.values[category], axis.unit)
    const [low, high] = [bar.low?.[category], bar.high?.[category]]
    const lines = [[bar.name || axis.name || 'value', value]]
    if (finite(low) && finite(high)) lines.push(['from … to', `${format(low, axis.unit)} … ${format(high, axis.unit)}`])
    return { ...place, title: categories[category], lines }
  }

  function draw() {
    const width = walk.element.clientWidth || 600
    const visible = series.map((_, at) => at).filter((at) => shown[at])
    const narrow = width < NARROW
    const left = narrow ? 0 : labelWidth(categories, width)
    const [low, high] = extent(series.flatMap((bar, at) => (shown[at] ? [...bar.values, ...(bar.low || []), ...(bar.high || [])] : [])))
    const right = 78
    const x = (value) => left + ((value - low) / (high - low || 1)) * (width - left - right)
    const thick = visible.length > 4 ? 13 : visible.length > 1 ? 16 : 22
    const group = visible.length * (thick + 3) + (narrow ? 22 : 0)
    const gap = visible.length > 1 || narrow ? 14 : 6
    const bottom = 6 + categories.length * (group + gap)
    const nodes = []
    const items = []

    for (const place of ticks(low, high, axis.unit, width < 500 ? 3 : 6)) {
      nodes.push(svg('line', { class: place === 0 ? 'zero' : 'grid', x1: x(place), x2: x(place), y1: 0, y2: bottom }))
      nodes.push(svg('text', { class: 'tick', x: x(place), y: bottom + 16, 'text-anchor': place === low && narrow ? 'start' : 'middle' }, tick(place, axis.unit)))
    }
    categories.forEach((name, category) => {
      const top = 6 + category * (group + gap)
      nodes.push(narrow
        ? svg('text', { class: 'label', x: 2, y: top + 13 }, fit(name, width))
        : svg('text', { class: 'label', x: left - 10, y: top + group / 2 + 3, 'text-anchor': 'end' }, fit(name, left - 12)))
      visible.forEach((at, row) => {
        const value = series[at].values[category]
        if (!finite(value)) return
        const y = top + (narrow ? 20 : 0) + row * (thick + 3)
        const from = Math.min(x(0), x(value))
        const length = Math.max(1, Math.abs(x(value) - x(0)))
        nodes.push(svg('rect', { x: from, y, width: length, height: thick, rx: 2, style: `fill:${seriesVariable(at)}` }))
        let end = x(Math.max(0, value))
        const [lower, upper] = [series[at].low?.[category], series[at].high?.[category]]
        if (finite(lower) && finite(upper)) {
          const middle = y + thick / 2
          const path = `M${x(lower)} ${middle}H${x(upper)}M${x(lower)} ${middle - 4}v8M${x(upper)} ${middle - 4}v8`
          nodes.push(svg('path', { class: 'interval halo', d: path }), svg('path', { class: 'interval', d: path }))
          end = Math.max(end, x(upper))
        }
        nodes.push(svg('text', { class: 'amount', x: end + 6, y: y + thick / 2 + 4 }, format(value, axis.unit)))
        items.push(itemOf(series[at], at, category, { x: from, y, width: length, height: thick, columns: [0, width], rows: [y - 1, y + thick + 2] }))
      })
    })
    walk.draw(width, bottom + 24, nodes, items)
  }

  const legend = series.length > 1 && h('div', { class: 'legend', role: 'group', 'aria-label': 'Bars' },
    series.map((bar, at) => {
      const button = toggle('', true, (now) => { shown[at] = now; draw() })
      button.append(h('span', { class: 'swatch square', style: `--swatch:${seriesVariable(at)}` }), bar.name || '')
      return button
    }))
  const intervals = series.some((bar) => bar.low && bar.high)
  return {
    plot: h('div', null, h('div', { class: 'above' }, h('span', { class: 'axis' }, capital(axis.name || ''))),
      legend || null, walk.element, h('div', { class: 'unseen' }, reading.line)),
    start: () => keepDrawn(walk.element, draw),
    columns: [{ name: '' }, ...series.flatMap((bar) => {
      const value = { name: bar.name || axis.name, unit: axis.unit }
      return intervals ? [value, { name: `${bar.name}, from`, unit: axis.unit }, { name: `${bar.name}, to`, unit: axis.unit }] : [value]
    })],
    rows: () => categories.map((name, at) => [name, ...series.flatMap((bar) => {
      const value = bar.values[at] ?? null
      return intervals ? [value, bar.low?.[at] ?? null, bar.high?.[at] ?? null] : [value]
    })]),
  }
}
