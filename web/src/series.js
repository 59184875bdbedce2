// SPDX-License-Identifier: MIT
// Lines over a common axis, drawn by uPlot. The legend is ours: buttons that take lines away and show
// the values at the cursor. Zoom: dragging, the buttons, or the keys + - 0; arrow keys move the cursor.

import uPlot from 'uplot'
import { choice, h, keepDrawn, toggle } from './dom.js'
import { capital, format, steps, tick } from './format.js'
import { color, seriesColor, seriesDash, seriesVariable } from './theme.js'
import { announcer } from './tip.js'

const HEIGHT = 300

function axisName(axis) {
  return axis && axis.name ? capital(axis.name) : ''
}

const sameAxis = (a, b) => a.length === b.length && a.every((value, at) => value === b[at])

/* One axis for all lines, and the values of each at its places. */
function joined(lines) {
  const pairs = lines.map((line) => {
    const order = line.x.map((_, at) => at)
    if (line.x.some((value, at) => at && value < line.x[at - 1])) order.sort((a, b) => line.x[a] - line.x[b])
    return [order.map((at) => line.x[at]), order.map((at) => line.y[at] ?? null)]
  })
  if (!pairs.length) return [[]]
  if (pairs.every((pair) => sameAxis(pair[0], pairs[0][0]))) return [pairs[0][0], ...pairs.map((pair) => pair[1])]
  return uPlot.join(pairs)
}

export function series(section) {
  const lines = (section.lines || []).filter((line) => line.x && line.x.length)
  const { x: xAxis = {}, y: yAxis = {} } = section
  const data = joined(lines)
  const shown = lines.map(() => true)
  const full = [data[0][0], data[0][data[0].length - 1]]
  let range = full
  let plot = null
  let logarithmic = false

  const reading = announcer('')
  const values = lines.map(() => h('span', { class: 'value' }))
  const legend = h('div', { class: 'legend', role: 'group', 'aria-label': 'Lines' }, lines.map((line, at) => {
    const dash = seriesDash(at)
    const button = toggle('', true, (now) => {
      shown[at] = now
      plot.setSeries(at + 1, { show: now })
    })
    button.append(h('span', { class: dash.length ? 'swatch dashed' : 'swatch', style: `--swatch:${seriesVariable(at)}` }),
      line.name || 'line', values[at])
    return button
  }))

  function tell(index) {
    lines.forEach((_, at) => {
      // Where a line has no point of its own there, its last one before counts.
      let from = index
      while (index !== null && from > 0 && (data[at + 1][from] === undefined || data[at + 1][from] === null)) from--
      values[at].textContent = index === null || index === undefined ? '' : format(data[at + 1][from], yAxis.unit)
    })
  }

  function say(index) {
    const parts = lines.map((line, at) => shown[at] && `${line.name}: ${values[at].textContent}`).filter(Boolean)
    reading.say(`${axisName(xAxis) || 'At'} ${format(data[0][index], xAxis.unit)}: ${parts.join(', ')}`)
  }

  function axis(of, side) {
    return {
      stroke: color('soft'),
      grid: { stroke: color('grid'), width: 1 },
      ticks: { stroke: color('grid'), width: 1, size: 4 },
      font: '12px system-ui, sans-serif',
      incrs: steps(of.unit),
      size: side ? 68 : 34,
      space: side ? 36 : 78,
      values: (_, places) => places.map((place) => (place === null ? '' : tick(place, of.unit))),
    }
  }

  const holder = h('div', {
    class: 'plot lines', tabindex: 0, role: 'application', 'aria-roledescription': 'chart',
    'aria-label': `${section.title || 'Lines'}: ${lines.length} lines. Left and right arrow keys read values, plus and minus zoom, 0 shows all.`,
  })

  function draw() {
    const width = holder.clientWidth || 600
    if (plot) plot.destroy()
    plot = new uPlot({
      width,
      height: Math.min(HEIGHT, Math.max(200, width * 0.55)),
      padding: [12, 16, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: () => range },
        y: logarithmic ? { distr: 3 } : { range: (_, low, high) => scaleOf(low, high) },
      },
      axes: [axis(xAxis, 0), logarithmic ? { ...axis(yAxis, 1), incrs: undefined, values: (_, places) => places.map((place) => (place === null ? '' : tick(place, yAxis.unit))) } : axis(yAxis, 1)],
      series: [{}, ...lines.map((line, at) => ({
        label: line.name,
        show: shown[at],
        stroke: seriesColor(at),
        width: line.x.length > 300 ? 1.5 : 2,
        dash: seriesDash(at),
        spanGaps: true,
        fill: lines.length === 1 ? color('area') : undefined,
        points: { show: line.x.length < 40, size: 6, fill: color('card') },
      }))],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { size: 9, width: 2, fill: (_, at) => seriesColor(at - 1), stroke: () => color('card') },
        y: false,
      },
      hooks: {
        setCursor: [(u) => tell(u.cursor.left < 0 ? null : u.cursor.idx)],
        setSelect: [(u) => {
          if (u.select.width < 4) return
          zoom(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'))
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        }],
      },
    }, data, holder)
    plot.over.addEventListener('dblclick', () => zoom(...full))
  }

  function scaleOf(low, high) {
    if (low === null || high === null || low === undefined) return [0, 1]
    const span = high - Math.min(0, low) || Math.abs(high) || 1
    // Unless they are far from it, lines are shown from zero on.
    const from = low >= 0 && low > high * 0.8 && yAxis.unit !== 'bytes' ? low - (high - low || high) * 0.15 : Math.min(0, low - (low < 0 ? span * 0.06 : 0))
    return [from, high + (high - from || 1) * 0.06]
  }

  function zoom(from, to) {
    const least = (full[1] - full[0]) / 1e4
    if (!(to - from > least)) return
    range = [Math.max(full[0], from), Math.min(full[1], to)]
    plot.setData(data) // with its scales made anew
    reset.disabled = range[0] === full[0] && range[1] === full[1]
  }

  function zoomBy(factor) {
    const at = plot.cursor.left >= 0 && plot.cursor.idx !== null ? data[0][plot.cursor.idx] : (range[0] + range[1]) / 2
    const half = ((range[1] - range[0]) * factor) / 2
    const middle = Math.max(full[0] + half, Math.min(full[1] - half, at))
    if (half * 2 >= full[1] - full[0]) zoom(...full)
    else zoom(middle - half, middle + half)
    moveTo(plot.cursor.idx ?? nearest(at))
  }

  function nearest(value) {
    let at = data[0].findIndex((x) => x >= value)
    if (at < 0) at = data[0].length - 1
    return at
  }

  function moveTo(index) {
    index = Math.max(0, Math.min(data[0].length - 1, index))
    const at = data[0][index]
    const span = range[1] - range[0]
    if (at < range[0]) zoom(at, at + span)
    else if (at > range[1]) zoom(at - span, at)
    plot.setCursor({ left: plot.valToPos(at, 'x'), top: 10 })
    tell(index)
    return index
  }

  let cursor = -1
  holder.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !lines.length) return
    const stride = Math.max(1, Math.round((nearest(range[1]) - nearest(range[0])) / (event.shiftKey ? 10 : 100)))
    const keys = {
      ArrowRight: () => { cursor = moveTo(cursor < 0 ? nearest(range[0]) : cursor + stride) },
      ArrowLeft: () => { cursor = moveTo(cursor < 0 ? nearest(range[1]) : cursor - stride) },
      Home: () => { cursor = moveTo(0) },
      End: () => { cursor = moveTo(data[0].length - 1) },
      '+': () => zoomBy(0.5), '=': () => zoomBy(0.5), '-': () => zoomBy(2),
      0: () => zoom(...full), Escape: () => zoom(...full),
    }
    if (!keys[event.key]) return
    event.preventDefault()
    keys[event.key]()
    if (cursor >= 0) say(cursor)
  })

  const reset = h('button', { type: 'button', disabled: true, onclick: () => zoom(...full) }, 'Show all')
  const positive = lines.every((line) => line.y.every((value) => value === null || value > 0))
  const tools = h('div', { class: 'tools' },
    positive && lines.length > 1 ? choice('Scale', ['Linear', 'Logarithmic'], (at) => { logarithmic = at === 1; draw() }) : null,
    h('div', { class: 'choice', role: 'group', 'aria-label': 'Zoom' },
      h('button', { type: 'button', 'aria-label': 'Zoom in', onclick: () => zoomBy(0.5) }, '+'),
      h('button', { type: 'button', 'aria-label': 'Zoom out', onclick: () => zoomBy(2) }, '−'), reset))

  const plotNode = h('div', null,
    h('div', { class: 'above' }, h('span', { class: 'axis' }, axisName(yAxis)), tools),
    holder, h('p', { class: 'axis below' }, axisName(xAxis)), legend, h('div', { class: 'unseen' }, reading.line))
  return {
    plot: lines.length ? plotNode : h('p', { class: 'empty' }, 'There is nothing to show here.'),
    start: () => lines.length && keepDrawn(holder, draw),
    columns: [{ name: axisName(xAxis) || 'x', unit: xAxis.unit }, ...lines.map((line) => ({ name: line.name, unit: yAxis.unit }))],
    rows: () => data[0].map((x, at) => [x, ...lines.map((_, line) => data[line + 1][at] ?? null)]),
  }
}
