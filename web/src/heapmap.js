// SPDX-License-Identifier: MIT
// Pictures of a heap, one after the other: each cell is a part of it, row by row, in the colours of
// the states that its bytes are in. All pictures have the same scale.

import { h, keepDrawn, sized } from './dom.js'
import { capital, format, share } from './format.js'
import { color } from './theme.js'
import { announcer, hideTip, showTip } from './tip.js'

const CELL = 9
const [MOST_ROWS, LEAST_ROWS] = [36, 6]

/* States have colours by their meaning, if their name tells it; parts in use are shades of use. */
const meanings = [
  [/free|vacant|empty|hole|unused/i, 'heap-free'], [/elsewhere|gap|beyond|other/i, 'heap-gap'],
  [/used|in use|live|alloc|taken/i, 'heap-used'], [/header|meta|bookkeeping|overhead|boundary/i, 'heap-meta'],
  [/pad|waste|slack|lost|internal|granted/i, 'heap-waste'],
]

function stateColors(states) {
  let next = 1
  const taken = new Set()
  return states.map((state) => {
    const percent = /(\d+)\s*%/.exec(state)
    if (percent) return Math.min(100, Number(percent[1])) / 100
    const name = meanings.find(([words, of]) => words.test(state) && !taken.has(of))?.[1] || `c${next++ % 7}`
    taken.add(name)
    return name
  })
}

const mix = (from, to, part) => from.map((value, at) => value + (to[at] - value) * part)

function rgb(text) {
  const context = document.createElement('canvas').getContext('2d')
  context.fillStyle = text
  const hex = context.fillStyle
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))
}

export function heapmap(section) {
  const states = (section.states || []).map(String)
  const frames = section.frames || []
  if (!frames.length) return { plot: h('p', { class: 'empty' }, 'There are no pictures to show.') }
  const sums = frames.map((frame) => {
    const sum = states.map(() => 0)
    for (const [state, bytes] of frame.runs) sum[state] += bytes
    return sum
  })
  const lengths = sums.map((sum) => sum.reduce((a, b) => a + b, 0))
  const longest = Math.max(...lengths, 1)
  const names = stateColors(states)
  let at = 0
  let cursor = -1
  let playing = 0
  let grid = { columns: 1, rows: 1, each: longest, cells: [] }

  const canvas = h('canvas', {
    tabindex: 0, role: 'application', 'aria-roledescription': 'heap map',
    'aria-label': `${section.title || 'Heap map'}. Left and right arrow keys go through ${frames.length} pictures; with Shift, arrow keys read cells.`,
  })
  const holder = h('div', { class: 'plot heap' }, canvas)
  const reading = announcer('')
  const amounts = states.map(() => h('span', { class: 'value' }))
  const swatches = states.map(() => h('span', { class: 'swatch square' }))
  const legend = h('ul', { class: 'legend' }, states.map((state, index) => h('li', null,
    swatches[index], capital(state), amounts[index])))
  const slider = h('input', { type: 'range', min: 0, max: frames.length - 1, value: 0, 'aria-label': 'Picture', oninput: () => show(Number(slider.value)) })
  const caption = h('output', { class: 'caption' })
  const play = h('button', { type: 'button', onclick: () => (playing ? stop() : start()) }, 'Play')

  /* What is in each cell: bytes by state. */
  function fill(frame) {
    const { columns, rows, each } = grid
    const cells = Array.from({ length: columns * rows }, () => null)
    let place = 0
    for (const [state, bytes] of frame.runs) {
      for (let left = bytes; left > 0;) {
        const cell = Math.min(cells.length - 1, Math.floor(place / each))
        const part = cell === cells.length - 1 ? left : Math.min(left, (cell + 1) * each - place) || left
        cells[cell] ||= new Float64Array(states.length)
        cells[cell][state] += part
        place += part
        left -= part
      }
    }
    return cells
  }

  function draw() {
    const width = holder.clientWidth || 600
    const columns = Math.max(8, Math.floor(width / CELL))
    // Cells of a round number of bytes, as many as fit.
    let each = 16
    while (longest / each > columns * MOST_ROWS) each *= 2
    const rows = Math.max(LEAST_ROWS, Math.ceil(longest / each / columns))
    grid = { columns, rows, each, cells: [] }
    grid.cells = fill(frames[at])
    const context = sized(canvas, columns * CELL, rows * CELL + 1)
    const [free, used] = [rgb(color('heap-free')), rgb(color('heap-used'))]
    const tones = names.map((name) => (typeof name === 'number' ? mix(free, used, 0.15 + 0.85 * name) : rgb(color(name))))
    swatches.forEach((swatch, state) => swatch.style.setProperty('--swatch', `rgb(${tones[state].map(Math.round).join(' ')})`))
    const beyond = color('heap-beyond')
    grid.cells.forEach((cell, index) => {
      const x = (index % columns) * CELL
      const y = Math.floor(index / columns) * CELL
      if (!cell) {
        context.fillStyle = beyond
        context.fillRect(x + 3.5, y + 3.5, 1, 1)
        return
      }
      const sum = cell.reduce((a, b) => a + b, 0)
      const mixed = [0, 1, 2].map((part) => Math.round(cell.reduce((value, bytes, state) => value + bytes * tones[state][part], 0) / sum))
      context.fillStyle = `rgb(${mixed.join(' ')})`
      context.fillRect(x, y, CELL - 1, CELL - 1)
    })
    if (cursor >= 0) {
      context.strokeStyle = color('ink')
      context.lineWidth = 2
      context.strokeRect((cursor % columns) * CELL - 0.5, Math.floor(cursor / columns) * CELL + 0.5, CELL, CELL - 1)
    }
    scale.textContent = `A cell is ${format(each, 'bytes')}.`
  }

  function show(index) {
    at = Math.max(0, Math.min(frames.length - 1, index))
    slider.value = at
    slider.setAttribute('aria-valuetext', frames[at].label || String(at + 1))
    caption.textContent = frames.length > 1 ? `${at + 1} of ${frames.length}: ${frames[at].label || ''}` : frames[at].label || ''
    states.forEach((_, state) => { amounts[state].textContent = `${format(sums[at][state], 'bytes')} · ${share(sums[at][state], lengths[at])}` })
    draw()
  }

  function contents(cell) {
    const parts = grid.cells[cell]
    if (!parts) return null
    return [`at ${format(cell * grid.each, 'bytes')}`, states.map((state, index) => [capital(state), parts[index]]).filter((part) => part[1])
      .map(([state, bytes]) => [state, format(bytes, 'bytes')])]
  }

  function point(cell, x, y) {
    const what = contents(cell)
    if (!what) return hideTip()
    showTip(x, y, what[0], what[1])
    return what
  }

  function read(step) {
    cursor = Math.max(0, Math.min(grid.cells.length - 1, cursor < 0 ? 0 : cursor + step))
    draw()
    const box = canvas.getBoundingClientRect()
    const what = point(cursor, box.left + (cursor % grid.columns) * CELL, box.top + Math.floor(cursor / grid.columns) * CELL)
    reading.say(what ? `${what[0]}: ${what[1].map((part) => part.join(' ')).join(', ')}` : 'beyond the heap')
  }

  function go(step) {
    stop()
    show(at + step)
    reading.say(`${caption.textContent}. ${states.map((state, index) => `${state} ${amounts[index].textContent}`).join(', ')}`)
  }

  function start() {
    if (at === frames.length - 1) show(0)
    playing = setInterval(() => (at === frames.length - 1 ? stop() : show(at + 1)), 350)
    play.textContent = 'Stop'
  }

  function stop() {
    clearInterval(playing)
    playing = 0
    play.textContent = 'Play'
  }

  canvas.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const reads = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid.columns, ArrowUp: -grid.columns }
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -frames.length, End: frames.length }
    const moves = event.shiftKey ? reads : steps
    if (!(event.key in moves)) return
    event.preventDefault()
    if (event.shiftKey) read(moves[event.key])
    else go(moves[event.key])
  })
  canvas.addEventListener('blur', () => { cursor = -1; hideTip(); draw() })
  const hover = (event) => {
    const box = canvas.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    if (x < grid.columns * CELL) point(Math.floor(y / CELL) * grid.columns + Math.floor(x / CELL), event.clientX, event.clientY)
  }
  canvas.addEventListener('pointermove', hover)
  canvas.addEventListener('click', hover)
  canvas.addEventListener('pointerleave', hideTip)

  const scale = h('span', { class: 'count' })
  const stepper = frames.length > 1 && h('div', { class: 'stepper' },
    h('button', { type: 'button', 'aria-label': 'Picture before', onclick: () => go(-1) }, '◀'),
    h('button', { type: 'button', 'aria-label': 'Next picture', onclick: () => go(1) }, '▶'), play, slider)
  return {
    plot: h('div', null, stepper || null, h('div', { class: 'above' }, caption, scale), holder, legend,
      h('div', { class: 'unseen' }, reading.line)),
    start: () => { keepDrawn(holder, draw); show(frames.length - 1) },
    columns: [{ name: 'Picture' }, ...states.map((state) => ({ name: state, unit: 'bytes' })), { name: 'Runs', unit: 'count' }],
    rows: () => frames.map((frame, index) => [frame.label || String(index + 1), ...sums[index], frame.runs.length]),
  }
}
