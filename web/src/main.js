// SPDX-License-Identifier: MIT
// The page: reads the documents that the command put into it, and builds header, contents, sections.

import './style.css'
import { h, svg } from './dom.js'
import { command } from './format.js'
import { sectionsOf } from './plain.js'
import { sectionOf } from './section.js'
import { themeButton, watchPrinting } from './theme.js'

const stones = () => svg('svg', { class: 'stones', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
  svg('ellipse', { cx: 16, cy: 26, rx: 13, ry: 4.6 }), svg('ellipse', { cx: 15, cy: 17.4, rx: 9.4, ry: 4 }),
  svg('ellipse', { cx: 17, cy: 9.9, rx: 6.4, ry: 3.4 }), svg('ellipse', { cx: 16, cy: 3.9, rx: 3.6, ry: 2.4 }))

function when(made) {
  const date = new Date(made)
  return Number.isNaN(date.getTime()) ? String(made)
    : date.toLocaleString('en-GB', { dateStyle: 'long', timeStyle: 'short' })
}

/* What the document is about: its command, when and where it was made. */
function facts(document) {
  const list = []
  const words = command(document.command)
  const machine = document.machine
  if (words) list.push(['Command', h('code', null, words)])
  if (document.made) list.push(['Made', h('time', { datetime: document.made }, when(document.made))])
  if (machine && typeof machine === 'object') {
    const parts = [machine.architecture, machine.processors && `${machine.processors} processors`, machine.kernel && `Linux ${machine.kernel}`, machine.name]
    list.push(['Machine', parts.filter(Boolean).join(', ')])
  }
  if (document.schema) list.push(['Schema', `${document.schema} ${document.version ?? ''}`])
  if (document.file) list.push(['File', String(document.file)])
  return h('dl', { class: 'facts' }, list.map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))))
}

function contents(groups) {
  const link = (id, title) => h('a', { href: `#${id}` }, title)
  const lists = groups.map((group) => h('li', null, groups.length > 1 ? link(group.id, group.title) : null,
    h('ul', null, group.sections.map((section) => h('li', null, link(section.element.id, section.title))))))
  const list = h('ul', null, groups.length > 1 ? lists : [...lists[0].querySelector('ul').children])
  const wide = matchMedia('(min-width: 1080px)')
  const details = h('details', { open: wide.matches }, h('summary', null, 'Contents'), list)
  wide.addEventListener('change', () => { details.open = wide.matches })
  return h('nav', { 'aria-label': 'Contents' }, details)
}

/* The contents show where the reader is. */
function follow(nav, groups) {
  const links = new Map([...nav.querySelectorAll('a')].map((link) => [link.getAttribute('href').slice(1), link]))
  const seen = new Set()
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target.id)
      else seen.delete(target.id)
    }
    const first = groups.flatMap((group) => group.sections).find((section) => seen.has(section.element.id))
    links.forEach((link, id) => {
      if (first && id === first.element.id) link.setAttribute('aria-current', 'true')
      else link.removeAttribute('aria-current')
    })
  }, { rootMargin: '-10% 0px -55% 0px' })
  groups.forEach((group) => group.sections.forEach((section) => observer.observe(section.element)))
}

function groupOf(document, index, several) {
  const listed = Array.isArray(document.sections) ? document.sections : sectionsOf(document)
  const title = String(document.title || document.schema || 'Report')
  return {
    id: `g${index + 1}`, title, document,
    sections: listed.map((section, at) => sectionOf(section, `s${index + 1}-${at + 1}`, several ? 'h3' : 'h2')),
  }
}

function build(documents) {
  const several = documents.length > 1
  const groups = documents.map((document, index) => groupOf(document, index, several))
  const main = h('main', { id: 'main', tabindex: -1 }, groups.map((group) => several
    ? h('article', { id: group.id, 'aria-labelledby': `${group.id}-title` },
      h('header', { class: 'group' }, h('h2', { id: `${group.id}-title` }, group.title), facts(group.document)),
      group.sections.map((section) => section.element))
    : group.sections.map((section) => section.element)))
  const nav = contents(groups)
  document.body.append(
    h('a', { class: 'skip', href: '#main' }, 'Skip to the contents'),
    h('header', { class: 'head' },
      h('div', { class: 'brand' }, stones(), h('span', null, 'Cairn'), h('span', { class: 'report' }, 'report'), themeButton()),
      h('h1', null, several ? document.title : groups[0].title), several ? null : facts(groups[0].document)),
    h('div', { class: 'columns' }, nav, main),
    h('footer', null, 'Written by ', h('code', null, 'cairn report'), '. This file holds all its data and needs no network.'))
  groups.forEach((group) => group.sections.forEach((section) => section.start()))
  follow(nav, groups)
}

watchPrinting()
try {
  build(JSON.parse(document.getElementById('documents').textContent))
} catch (error) {
  console.error(error)
  document.body.append(h('p', { class: 'failure', role: 'alert' }, `This page cannot be shown: ${error.message}`))
}
