// SPDX-License-Identifier: MIT
// The flame graph, on a canvas, callers above what they call. Only what is wide enough to be seen is
// drawn, so its cost is that of the pixels, not of the tree. Pointer: a click zooms, a click on a
// frame above zooms out. Keys: arrows walk, Enter zooms, Escape goes back, / searches.

import { choice, h, keepDrawn, sized, toggle } from './dom.js'
import { capital, format, share } from './format.js'
import { color, isDark } from './theme.js'
import { announcer, hideTip, showTip } from './tip.js'
import { children, functions, inverted, treeOf } from './tree.js'

const ROW = 21
const MOST_ROWS = 400
const HAIR = 0.4 // pixels, below which a frame is not drawn
const TEXT = 32 // pixels, from which on its name is
const FONT = '12px system-ui, "Segoe UI", sans-serif'

/* A tint for each name, of one family, so that neighbours can be told apart. */
function tints(names, dark, hue) {
  const palette = []
  for (let at = 0; at < 16; at++)
    palette.push(`hsl(${hue + (at % 8) * 4.6} ${dark ? 52 : 84}% ${(dark ? 58 : 73) + (at >> 3) * (dark ? 6 : 6)}%)`)
  return names.map((name) => {
    let hash = 7
    for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0
    return palette[((hash >>> 4) ^ hash) & 15]
  })
}

/* More than before: towards orange; less: towards blue; told in words, too. */
function changeTint(now, before, dark) {
  const part = Math.max(-1, Math.min(1, now === before ? 0 : (now - before) / Math.max(now, before)))
  const strength = Math.sqrt(Math.abs(part))
  const light = dark ? 70 - strength * 12 : 90 - strength * 22
  return part === 0 ? `hsl(40 6% ${light}%)` : `hsl(${part > 0 ? 24 : 208} ${10 + strength * 75}% ${light}%)`
}

export function flame(section) {
  const straight = treeOf(section)
  const metrics = straight.metrics
  if (!metrics.length || straight.parent.length < 2) return { plot: h('p', { class: 'empty' }, 'There are no call stacks to show.') }
  let turned = null
  let tree = straight
  const filled = straight.total.map((sums) => sums[0] > 0)
  let metric = Math.max(0, filled.indexOf(true))
  let zoomed = 0
  let focus = 0
  let words = ''
  let matching = null // by name
  let rows = [] // by depth: [node, x, width] of what is drawn
  let paint = { dark: null }
  let tall = 0 // rows that there were at most, so that the page below does not jump

  const canvas = h('canvas', {
    tabindex: 0, role: 'application', 'aria-roledescription': 'flame graph',
    'aria-label': `${section.title || 'Flame graph'}. Arrow keys walk through the calls, Enter zooms in, Escape zooms out, slash searches.`,
  })
  const holder = h('div', { class: 'plot flame' }, canvas)
  const reading = announcer('')
  const found = h('span', { class: 'count', 'aria-live': 'polite' })

  const nameOf = (node) => tree.names[tree.name[node]]
  const total = (node, of = metric) => tree.total[of][node]
  const value = (node, of = metric) => format(total(node, of), metrics[of].unit)

  /* A metric may name another as what was before: colours then tell the change. */
  const baseline = () => (Number.isInteger(metrics[metric].baseline) ? metrics[metrics[metric].baseline] && metrics[metric].baseline : -1)

  function tell(node) {
    const lines = [[capital(metrics[metric].name), `${value(node)}, ${share(total(node), total(0))}`]]
    if (tree.own[metric][node] && tree.own[metric][node] !== total(node)) lines.push(['of that its own', format(tree.own[metric][node], metrics[metric].unit)])
    if (node !== zoomed && tree.parent[node] > 0) lines.push([tree === turned ? 'of what is called' : 'of its caller', share(total(node), total(tree.parent[node]))])
    metrics.forEach((other, at) => { if (at !== metric && total(node, at)) lines.push([capital(other.name), value(node, at)]) })
    return lines
  }

  const say = (node) => reading.say(`${nameOf(node)}: ${value(node)}, ${share(total(node), total(0))}` +
    (tree.own[metric][node] ? `; itself ${format(tree.own[metric][node], metrics[metric].unit)}` : ''))

  /* Walks over what is seen, and calls put(node, depth, x, width). Returns the number of rows. */
  function layout(width, put) {
    const below = children(tree, metric)
    const path = []
    for (let node = zoomed; node >= 0; node = tree.parent[node]) path.unshift(node)
    path.forEach((node, depth) => put(node, depth, 0, width))
    const scale = width / (total(zoomed) || 1)
    const stack = [[zoomed, path.length - 1, 0]]
    let deepest = path.length
    while (stack.length) {
      const [node, depth, x] = stack.pop()
      if (depth + 1 >= MOST_ROWS) continue
      let at = x
      for (const child of below(node)) {
        const wide = Math.max(0, total(child)) * scale
        if (wide < HAIR) break // those after it are no wider
        put(child, depth + 1, at, wide)
        deepest = Math.max(deepest, depth + 2)
        if (tree.first[child + 1] > tree.first[child]) stack.push([child, depth + 1, at])
        at += wide
      }
    }
    return deepest
  }

  function tintOf(node) {
    if (matching && matching[tree.name[node]]) return paint.match
    if (matching) return paint.faint
    if (node === 0) return paint.root
    const before = baseline()
    return before >= 0 ? changeTint(total(node), total(node, before), paint.dark) : paint.tints[tree.name[node]]
  }

  /* As much of a name as there is room for. */
  function label(context, name, room) {
    const letters = Math.floor(room / 5)
    let text = name.length > letters ? name.slice(0, letters) : name
    if (context.measureText(text).width <= room && text === name) return text
    let [low, high] = [0, text.length]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (context.measureText(text.slice(0, middle) + '…').width <= room) low = middle
      else high = middle - 1
    }
    return low > 1 ? text.slice(0, low) + '…' : ''
  }

  function draw() {
    const dark = isDark()
    const width = holder.clientWidth || 600
    const hue = metrics[metric].tint === 'less' ? 192 : 20
    if (paint.dark !== dark || paint.names !== tree.names || paint.hue !== hue)
      paint = { dark, hue, names: tree.names, tints: tints(tree.names, dark, hue), match: color('match'), faint: color('faint'), root: color('root'), ink: '#1b1206', soft: color('soft'), card: color('card'), focus: color('ink') }
    rows = []
    const deepest = layout(width, (node, depth, x, wide) => { (rows[depth] ||= []).push([node, x, wide]) })
    rows.forEach((row) => row.sort((a, b) => a[1] - b[1]))
    tall = Math.max(deepest, Math.min(tall, 18))
    const context = sized(canvas, width, tall * ROW + 2)
    context.font = FONT
    context.textBaseline = 'middle'
    const above = rows.findIndex((row) => row[0][0] === zoomed)
    rows.forEach((row, depth) => {
      for (const [node, x, wide] of row) {
        context.fillStyle = tintOf(node)
        context.globalAlpha = depth < above ? 0.6 : 1
        context.fillRect(x, depth * ROW + 1, Math.max(HAIR, wide - (wide > 3 ? 1 : 0)), ROW - 1)
        context.globalAlpha = 1
        if (wide < TEXT) continue
        const text = label(context, nameOf(node), wide - 10)
        context.fillStyle = matching && !matching[tree.name[node]] ? color('faint-ink') : matching ? color('match-ink') : node === 0 ? color('root-ink') : depth < above && dark ? paint.focus : paint.ink
        if (text) context.fillText(text, x + 5, depth * ROW + ROW / 2 + 1.5)
      }
    })
    if (document.activeElement === canvas) outline(context, focus)
  }

  function placeOf(node) {
    for (let depth = 0; depth < rows.length; depth++)
      for (const place of rows[depth]) if (place[0] === node) return { depth, x: place[1], wide: place[2] }
    return null
  }

  function outline(context, node) {
    const place = placeOf(node)
    if (!place) return
    context.lineWidth = 2
    context.strokeStyle = paint.focus
    context.strokeRect(place.x + 1, place.depth * ROW + 2, Math.max(2, place.wide - 3), ROW - 3)
  }

  function at(event) {
    const place = canvas.getBoundingClientRect()
    const row = rows[Math.floor((event.clientY - place.top - 1) / ROW)] || []
    const x = event.clientX - place.left
    const hit = row.find(([, from, wide]) => x >= from && x < from + Math.max(1, wide))
    return hit ? hit[0] : -1
  }

  function zoom(node) {
    zoomed = node
    focus = node
    hideTip()
    draw()
    back.disabled = zoomed === 0
    say(node)
  }

  function tipAtFocus() {
    const place = placeOf(focus)
    if (!place) return
    const above = place.depth * ROW - holder.scrollTop
    if (above < 0) holder.scrollTop = place.depth * ROW
    else if (above + ROW > holder.clientHeight) holder.scrollTop = (place.depth + 1) * ROW - holder.clientHeight + 4
    const box = canvas.getBoundingClientRect()
    requestAnimationFrame(() => document.activeElement === canvas &&
      showTip(box.left + place.x + Math.min(place.wide / 2, 120), box.top + place.depth * ROW + ROW / 2, nameOf(focus), tell(focus)))
  }

  function walkTo(node) {
    if (node === undefined || node < 0) return
    focus = node
    if (!placeOf(node)) zoomed = node // too thin to be seen, or above: it becomes the whole
    draw()
    back.disabled = zoomed === 0
    say(node)
    tipAtFocus()
  }

  function beside(step) {
    const place = placeOf(focus)
    if (!place) return walkTo(zoomed)
    const row = rows[place.depth]
    const next = row[row.findIndex((each) => each[0] === focus) + step]
    if (next) walkTo(next[0])
  }

  function nextMatch(step) {
    if (!matching) return
    const list = rows.flat().map((place) => place[0]).filter((node) => matching[tree.name[node]])
    if (list.length) walkTo(list[(list.indexOf(focus) + step + list.length) % list.length])
  }

  canvas.addEventListener('pointermove', (event) => {
    const node = at(event)
    canvas.style.cursor = node >= 0 ? 'pointer' : 'default'
    if (node >= 0) showTip(event.clientX, event.clientY, nameOf(node), tell(node))
    else hideTip()
  })
  canvas.addEventListener('pointerleave', hideTip)
  canvas.addEventListener('click', (event) => { const node = at(event); if (node >= 0) zoom(node) })
  canvas.addEventListener('focus', () => {
    draw()
    if (canvas.matches(':focus-visible')) tipAtFocus()
  })
  canvas.addEventListener('blur', () => { hideTip(); draw() })
  canvas.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const keys = {
      ArrowDown: () => walkTo(children(tree, metric)(focus)[0]),
      ArrowUp: () => walkTo(tree.parent[focus]),
      ArrowRight: () => beside(1),
      ArrowLeft: () => beside(-1),
      Home: () => walkTo(zoomed),
      Enter: () => { zoom(focus); tipAtFocus() },
      ' ': () => { zoom(focus); tipAtFocus() },
      Escape: () => { const from = zoomed; zoom(Math.max(0, tree.parent[zoomed])); focus = from; walkTo(from) },
      Backspace: () => zoom(Math.max(0, tree.parent[zoomed])),
      0: () => { zoom(0); tipAtFocus() },
      n: () => nextMatch(1),
      p: () => nextMatch(-1),
      '/': () => search.focus(),
    }
    if (!keys[event.key]) return
    event.preventDefault()
    keys[event.key]()
  })

  /* Frames that match below others that match count once. */
  function count() {
    if (!matching) {
      found.textContent = ''
      return
    }
    const below = new Uint8Array(tree.parent.length)
    let frames = 0
    let sum = 0
    for (let node = 0; node < tree.parent.length; node++) {
      const above = node > 0 && below[tree.parent[node]]
      const match = matching[tree.name[node]]
      if (match) frames++
      if (match && !above) sum += total(node)
      below[node] = match || above ? 1 : 0
    }
    found.textContent = frames ? `${frames} ${frames === 1 ? 'call' : 'calls'}, ${share(sum, total(0))}` : 'nothing found'
  }

  function find() {
    words = search.value.trim().toLowerCase()
    matching = words ? Uint8Array.from(tree.names, (name) => (name.toLowerCase().includes(words) ? 1 : 0)) : null
    count()
    draw()
  }

  const search = h('input', { type: 'search', placeholder: 'function', oninput: find, onkeydown: (event) => {
    if (event.key === 'Enter') { canvas.focus(); nextMatch(1) }
    if (event.key === 'Escape' && search.value) { search.value = ''; find() }
  } })
  const back = h('button', { type: 'button', disabled: true, onclick: () => zoom(0) }, 'Show all')
  const turn = toggle('Callers below', false, (now) => {
    tree = now ? (turned ||= inverted(straight)) : straight
    tall = 0
    zoom(0)
    count()
  })
  turn.title = 'Each function at the top, below it who calls it'

  const plot = h('div', null,
    h('div', { class: 'above' },
      metrics.length > 1 ? choice('Metric', metrics.map((each) => capital(each.name)), (at) => {
        metric = at
        tall = 0
        // What has nothing of this metric cannot be zoomed into.
        zoom(total(zoomed) > 0 ? zoomed : 0)
        count()
      }, metric, filled) : h('span', { class: 'axis' }, capital(metrics[0].name)),
      h('div', { class: 'tools' }, h('label', { class: 'search' }, 'Find ', search), found, turn, back)),
    holder, reading.line,
    h('p', { class: 'keys' }, 'Click or ', h('kbd', null, 'Enter'), ' zooms in, ', h('kbd', null, 'Esc'), ' out; arrow keys walk; ',
      h('kbd', null, '/'), ' searches, ', h('kbd', null, 'n'), ' goes to the next.'))
  return {
    plot,
    start: () => { keepDrawn(holder, draw); say(0) },
    columns: [{ name: 'Function' }, ...metrics.flatMap((each) => [
      { name: `${each.name}, its own`, unit: each.unit }, { name: `${each.name}, with calls`, unit: each.unit }])],
    rows: () => {
      const byName = new Map()
      metrics.forEach((_, at) => {
        for (const [name, own, whole] of functions(straight, at).slice(0, 500)) {
          if (!byName.has(name)) byName.set(name, [name, ...metrics.flatMap(() => [0, 0])])
          byName.get(name)[1 + 2 * at] = own
          byName.get(name)[2 + 2 * at] = whole
        }
      })
      return [...byName.values()]
    },
  }
}
