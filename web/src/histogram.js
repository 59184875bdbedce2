// SPDX-License-Identifier: MIT
// Bins over one axis, linear or logarithmic (then zero has its place, too): by count or by bytes.
// Where bins would be thinner than can be seen, neighbours are drawn as one.

import { choice, h, keepDrawn, svg } from './dom.js'
import { capital, format, share, tick, ticks } from './format.js'
import { announcer } from './tip.js'
import { walkable } from './walk.js'

const THIN = 4 // pixels
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 12, 10, 26]

/* Places for ticks of a logarithmic axis: 0, and powers. */
function powers(low, high, unit, count) {
  const base = unit === 'bytes' || unit === 'count' || !unit ? 2 : 10
  const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9)
  const last = Math.floor(Math.log(high) / Math.log(base) + 1e-9)
  const stride = Math.max(1, Math.ceil((last - first + 1) / count))
  const places = []
  for (let at = first; at <= last; at++) if (((at % stride) + stride) % stride === 0) places.push(base ** at)
  return places
}

export function histogram(section) {
  const bins = (section.bins || []).filter((bin) => bin.count || bin.bytes)
  const unit = section.x?.unit || ''
  const measures = [['count', 'Blocks', 'count'], ['bytes', 'Bytes', 'bytes']].filter(([key]) => bins.some((bin) => bin[key]))
  const sums = Object.fromEntries(measures.map(([key]) => [key, bins.reduce((sum, bin) => sum + (bin[key] || 0), 0)]))
  const reading = announcer('')
  const walk = walkable(section.title || 'Histogram', reading.say)
  let measure = measures[0] || ['count', 'Count', 'count']

  const low = Math.min(...bins.map((bin) => bin.from))
  const high = Math.max(...bins.map((bin) => bin.to))
  const ends = bins.flatMap((bin) => [bin.from, bin.to]).filter((value) => value > 0)
  const least = section.logarithmic ? Math.min(...ends) : 1
  const place = section.logarithmic ? (value) => Math.log2(1 + Math.max(0, value) / least) : (value) => value

  const range = (bin) => (unit !== 'seconds' && unit !== 'nanoseconds' && bin.to - bin.from === 1
    ? format(bin.from, unit) : `${format(bin.from, unit)} to ${format(bin.to, unit)}`)

  /* Bins as they are drawn: [from pixel, to pixel, bin]. */
  function drawnBins(x) {
    const list = []
    for (const bin of bins) {
      const before = list[list.length - 1]
      const [from, to] = [x(bin.from), x(bin.to)]
      if (before && before.to - before.from < THIN && from - before.to < 1) {
        before.to = to
        before.bin = { from: before.bin.from, to: bin.to, count: before.bin.count + (bin.count || 0), bytes: before.bin.bytes + (bin.bytes || 0) }
      } else {
        list.push({ from, to, bin: { ...bin, count: bin.count || 0, bytes: bin.bytes || 0 } })
      }
    }
    return list
  }

  function draw() {
    const width = walk.element.clientWidth || 600
    const height = Math.round(Math.min(280, Math.max(190, width * 0.45)))
    const [from, to] = [place(low), place(high)]
    const x = (value) => LEFT + ((place(value) - from) / (to - from || 1)) * (width - LEFT - RIGHT)
    const list = drawnBins(x)
    const key = measure[0]
    const most = Math.max(...list.map((each) => each.bin[key]), 0) || 1
    const y = (value) => TOP + (1 - value / (most * 1.04)) * (height - TOP - BOTTOM)
    const nodes = []

    for (const at of ticks(0, most, measure[2], 5)) {
      nodes.push(svg('line', { class: at ? 'grid' : 'zero', x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }))
      nodes.push(svg('text', { class: 'tick', x: LEFT - 8, y: y(at) + 4, 'text-anchor': 'end' }, tick(at, measure[2])))
    }
    const room = Math.max(2, Math.floor(width / 90))
    const places = section.logarithmic ? powers(Math.max(least, low), high, unit, room) : ticks(low, high, unit, room)
    let last = -Infinity
    for (const at of places) {
      const where = x(at)
      if (where - last < 44 || where > width - 24) continue
      last = where
      nodes.push(svg('line', { class: 'grid', x1: where, x2: where, y1: height - BOTTOM, y2: height - BOTTOM + 4 }))
      nodes.push(svg('text', { class: 'tick', x: where, y: height - 6, 'text-anchor': 'middle' }, tick(at, unit)))
    }
    const items = list.map(({ from: start, to: end, bin }) => {
      const amount = bin[key]
      const wide = Math.max(1, end - start - (end - start > 3 ? 1 : 0))
      const top = amount ? Math.min(y(amount), y(0) - 1.5) : y(0)
      nodes.push(svg('rect', { class: 'bin', x: start, y: top, width: wide, height: y(0) - top }))
      return {
        x: start, y: top, width: wide, height: y(0) - top, columns: [start, end], rows: [0, height],
        title: range(bin),
        lines: measures.map(([name, label, of]) => [label, `${format(bin[name], of)} (${share(bin[name], sums[name])})`]),
      }
    })
    walk.draw(width, height, nodes, items)
  }

  if (!bins.length) return { plot: h('p', { class: 'empty' }, 'There is nothing to show here.') }
  return {
    plot: h('div', null,
      h('div', { class: 'above' }, h('span', { class: 'axis' }, measures.length > 1 ? 'By' : measure[1]),
        measures.length > 1 ? choice('Measure', measures.map(([, label]) => label), (at) => { measure = measures[at]; draw() }) : null),
      walk.element, h('p', { class: 'axis below' }, capital(section.x?.name || '')),
      h('div', { class: 'unseen' }, reading.line)),
    start: () => keepDrawn(walk.element, draw),
    columns: [{ name: 'From', unit }, { name: 'To, without', unit }, ...measures.map(([, label, of]) => ({ name: label, unit: of }))],
    rows: () => bins.map((bin) => [bin.from, bin.to, ...measures.map(([key]) => bin[key] || 0)]),
  }
}
