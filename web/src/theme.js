// SPDX-License-Identifier: MIT
// Light or dark: as the system has it, until the reader chooses; and the colours that plots draw in.
// They stand in style.css, once for each theme.

import { h, redrawAll } from './dom.js'

const system = matchMedia('(prefers-color-scheme: dark)')
const root = document.documentElement
let printing = false

function stored() {
  try {
    return localStorage.getItem('cairn-theme')
  } catch {
    return null // pages from files may have no storage
  }
}

function store(theme) {
  try {
    localStorage.setItem('cairn-theme', theme)
  } catch { /* then it is forgotten */ }
}

const current = () => root.dataset.theme || (system.matches ? 'dark' : 'light')
export const isDark = () => !printing && current() === 'dark'

export function color(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim()
}

/* The colours of lines and bars, one after the other; dashes tell apart what comes round again. */
const COLORS = 7
export const seriesColor = (index) => color(`c${index % COLORS}`)
export const seriesVariable = (index) => `var(--c${index % COLORS})`
const dashes = [[], [7, 4], [2, 3], [10, 3, 2, 3]]
export const seriesDash = (index) => dashes[Math.floor(index / COLORS) % dashes.length]

export function themeButton() {
  const button = h('button', { type: 'button', class: 'theme' })
  const show = () => {
    button.textContent = current() === 'dark' ? 'Light' : 'Dark'
    button.setAttribute('aria-label', `Change to the ${current() === 'dark' ? 'light' : 'dark'} theme`)
  }
  button.addEventListener('click', () => {
    root.dataset.theme = current() === 'dark' ? 'light' : 'dark'
    store(root.dataset.theme)
    show()
    redrawAll()
  })
  const wanted = stored()
  if (wanted === 'light' || wanted === 'dark') root.dataset.theme = wanted
  system.addEventListener('change', () => {
    show()
    redrawAll()
  })
  show()
  return button
}

/* Paper is white. */
export function watchPrinting() {
  let before
  addEventListener('beforeprint', () => {
    before = root.dataset.theme
    root.dataset.theme = 'light'
    printing = true
    redrawAll()
  })
  addEventListener('afterprint', () => {
    if (before) root.dataset.theme = before
    else delete root.dataset.theme
    printing = false
    redrawAll()
  })
}
