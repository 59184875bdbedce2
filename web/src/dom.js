// SPDX-License-Identifier: MIT
// Elements made from words: h('p', { class: 'note' }, 'text', child). Text is never read as HTML.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value)
    else node.setAttribute(name, value === true ? '' : value)
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined))
  return node
}

export const h = (name, attributes, ...children) =>
  fill(document.createElement(name), attributes, children)

export const svg = (name, attributes, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children)

let last = 0
export const unique = (prefix) => `${prefix}-${++last}`

/* A button that is in or out. */
export function toggle(label, pressed, change) {
  const button = h('button', { type: 'button', 'aria-pressed': String(pressed) }, label)
  button.addEventListener('click', () => {
    const now = button.getAttribute('aria-pressed') !== 'true'
    button.setAttribute('aria-pressed', String(now))
    change(now)
  })
  return button
}

/* Buttons of which one is in. choose(index) is called when another one is. may: whether each can be. */
export function choice(label, names, choose, first = 0, may = null) {
  const buttons = names.map((name, index) => h('button', {
    type: 'button',
    disabled: may && !may[index],
    'aria-pressed': String(index === first),
    onclick: () => {
      buttons.forEach((other, at) => other.setAttribute('aria-pressed', String(at === index)))
      choose(index)
    },
  }, name))
  return h('div', { class: 'choice', role: 'group', 'aria-label': label }, buttons)
}

/*
 * --- what is drawn anew --------------------------------------------------------------------------
 * Plots draw in colours of the theme and in the width that they have: redraw() is called when either
 * changes, and before and after printing.
 */

const drawn = new Set()

export function keepDrawn(element, redraw) {
  let width = 0
  drawn.add(redraw)
  redraw()
  new ResizeObserver(() => {
    if (element.clientWidth === width) return
    width = element.clientWidth
    redraw()
  }).observe(element)
  width = element.clientWidth
}

export function redrawAll() {
  for (const redraw of drawn) redraw()
}

/* A canvas as large as is asked for, in the device's own pixels; returns its context. */
export function sized(canvas, width, height) {
  const scale = window.devicePixelRatio || 1
  canvas.width = Math.max(1, Math.round(width * scale))
  canvas.height = Math.max(1, Math.round(height * scale))
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  const context = canvas.getContext('2d')
  context.scale(scale, scale)
  return context
}
