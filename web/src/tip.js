// SPDX-License-Identifier: MIT
// The one tip of the page: it follows the pointer, and the focus of the keyboard in a plot. What is
// said in it is also said to screen readers, by the live region of the plot (announcer).

import { h } from './dom.js'

const box = h('div', { class: 'tip', 'aria-hidden': 'true' })
document.addEventListener('scroll', hideTip, { capture: true, passive: true })

/* lines: strings, or pairs of a name and a value. x and y are of the window. */
export function showTip(x, y, title, lines) {
  if (!box.isConnected) document.body.append(box)
  box.replaceChildren(h('strong', null, title), ...lines.map((line) =>
    Array.isArray(line) ? h('div', { class: 'pair' }, h('span', null, line[0]), h('b', null, line[1]))
      : h('div', null, line)))
  box.classList.add('shown')
  const { offsetWidth: width, offsetHeight: height } = box
  const left = x + 14 + width > innerWidth - 8 ? x - width - 14 : x + 14
  const top = y + 18 + height > innerHeight - 8 ? y - height - 10 : y + 18
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
  box.style.top = `${Math.max(8, top)}px`
}

export function hideTip() {
  box.classList.remove('shown')
}

/* A line of text under a plot that tells what is pointed at, also aloud. */
export function announcer(first) {
  const line = h('p', { class: 'reading', 'aria-live': 'polite' }, first)
  return { line, say: (text) => { if (line.textContent !== text) line.textContent = text } }
}
