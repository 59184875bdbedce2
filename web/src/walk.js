// SPDX-License-Identifier: MIT
// Plots of marks (bars, bins) that pointer and arrow keys walk over. An item is {x, y, width, height,
// title, lines}, in pixels of the drawing; the one that is walked to is framed and told.

import { h, svg } from './dom.js'
import { hideTip, showTip } from './tip.js'

export function walkable(label, announce) {
  const drawing = svg('svg', {
    tabindex: 0, role: 'application', 'aria-roledescription': 'chart',
    'aria-label': `${label}. Left and right arrow keys go from mark to mark.`,
  })
  const frame = svg('rect', { class: 'frame', visibility: 'hidden', rx: 2 })
  let items = []
  let at = -1

  function visit(index, event) {
    at = index
    const item = items[at]
    if (!item) return leave()
    for (const [name, value] of [['x', item.x - 1.5], ['y', item.y - 1.5],
      ['width', Math.max(1, item.width) + 3], ['height', Math.max(1, item.height) + 3]])
      frame.setAttribute(name, value)
    frame.setAttribute('visibility', 'visible')
    const place = drawing.getBoundingClientRect()
    const [x, y] = event ? [event.clientX, event.clientY]
      : [place.left + item.x + item.width / 2, place.top + item.y + item.height / 2]
    showTip(x, y, item.title, item.lines)
    announce(`${item.title}: ${item.lines.map((line) => (Array.isArray(line) ? line.join(' ') : line)).join(', ')}`)
  }

  function leave() {
    frame.setAttribute('visibility', 'hidden')
    hideTip()
  }

  const point = (event) => {
    const place = drawing.getBoundingClientRect()
    const x = event.clientX - place.left
    const y = event.clientY - place.top
    const index = items.findIndex((item) => {
      const [from, to] = item.columns || [item.x, item.x + item.width]
      const [top, bottom] = item.rows || [item.y, item.y + item.height]
      return x >= from && x < to && y >= top && y < bottom
    })
    if (index >= 0) visit(index, event)
    else leave()
  }
  drawing.addEventListener('pointermove', point)
  drawing.addEventListener('click', point) // where there is no hovering
  drawing.addEventListener('pointerleave', leave)
  drawing.addEventListener('blur', leave)
  drawing.addEventListener('keydown', (event) => {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }
    let next = at + moves[event.key]
    if (event.key === 'Home') next = 0
    else if (event.key === 'End') next = items.length - 1
    else if (event.key === 'Escape') return leave()
    else if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    visit(Math.max(0, Math.min(items.length - 1, next)))
  })

  return {
    element: h('div', { class: 'plot' }, drawing),
    /* Puts another picture in place of the one there was. */
    draw(width, height, nodes, newItems) {
      drawing.setAttribute('width', width)
      drawing.setAttribute('height', height)
      drawing.setAttribute('viewBox', `0 0 ${width} ${height}`)
      drawing.replaceChildren(...nodes, frame)
      items = newItems
      at = Math.min(at, items.length - 1)
      leave()
    },
  }
}
