// SPDX-License-Identifier: MIT
// Sections of words and of single figures.

import { h } from './dom.js'
import { capital, format } from './format.js'

const inline = (text) => text.split(/(`[^`\n]+`)/).map((part) =>
  part.length > 2 && part.startsWith('`') && part.endsWith('`') ? h('code', null, part.slice(1, -1)) : part)

/* Paragraphs are parted by empty lines; one that is indented keeps its lines. `x` is code. */
export function prose(text) {
  return String(text ?? '').split(/\n[ \t]*\n/).filter((part) => part.trim()).map((part) =>
    part.split('\n').every((line) => /^( {4}|\t|\s*$)/.test(line))
      ? h('pre', null, part.replace(/^( {4}|\t)/gm, '').trimEnd()) : h('p', null, inline(part.trim())))
}

export const text = (section) => ({ plot: h('div', { class: 'prose' }, prose(section.text)) })

export function figures(section) {
  const items = section.items || []
  const value = (item) => {
    const shown = format(item.value, item.unit)
    return h('span', { class: shown.length > 10 ? 'value long' : 'value' }, shown)
  }
  return {
    plot: h('dl', { class: 'figures' }, items.map((item) => h('div', null,
      h('dt', null, capital(item.name)),
      h('dd', null, value(item),
        item.note ? h('span', { class: 'remark' }, item.note) : null)))),
  }
}
