// SPDX-License-Identifier: MIT
// Figures as people read them, and as the command prints them: three significant digits, binary
// units, thousands set apart. A figure that is not there is a dash.

const THIN = '\u202f' // does not break, and is narrow
const NONE = '–'

const decimals = (value) => (value < 9.995 ? 2 : value < 99.95 ? 1 : 0)

function scaled(value, units, base) {
  let unit = 0
  value /= base
  while (value >= base * 0.9995 - (base === 1024 ? 24 : 0) && unit + 1 < units.length) {
    value /= base
    unit++
  }
  return [value, units[unit]]
}

function bytes(value) {
  if (value < 1024) return `${Number.isInteger(value) ? value : value.toFixed(value < 100 ? 1 : 0)}${THIN}B`
  const [number, unit] = scaled(value, ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'], 1024)
  return number.toFixed(Math.min(1, decimals(number))) + THIN + unit
}

function seconds(value) {
  if (value === 0) return `0${THIN}s`
  if (value < 0.0000009995) return (value * 1e9).toFixed(value < 9.995e-9 ? 1 : 0) + THIN + 'ns'
  if (value < 0.0009995) return (value * 1e6).toFixed(decimals(value * 1e6)) + THIN + 'µs'
  if (value < 0.9995) return (value * 1e3).toFixed(decimals(value * 1e3)) + THIN + 'ms'
  if (value < 599.5) return value.toFixed(decimals(value)) + THIN + 's'
  value = Math.round(value)
  return `${Math.floor(value / 60)}${THIN}min ${String(value % 60).padStart(2, '0')}${THIN}s`
}

export function grouped(value) {
  const [whole, rest] = String(value).split('.')
  return whole.replace(/\B(?=(\d{3})+$)/g, THIN) + (rest ? '.' + rest : '')
}

const plain = (value) =>
  Number.isInteger(value) ? grouped(value)
    : value >= 1000 ? grouped(Math.round(value)) : String(Number(value.toPrecision(3)))

const formats = {
  bytes,
  seconds,
  nanoseconds: (value) => seconds(value / 1e9),
  ratio: (value) => value.toFixed(Math.max(2, decimals(value))) + '×',
  percent: (value) => value.toFixed(value < 99.95 && value !== Math.round(value) ? 1 : 0) + THIN + '%',
}

/* `value` in its unit, for people. */
export function format(value, unit) {
  if (value === null || value === undefined || value === '') return NONE
  if (typeof value !== 'number') return String(value)
  if (!Number.isFinite(value)) return NONE
  const sign = value < 0 ? '−' : ''
  return sign + (formats[unit] || plain)(Math.abs(value))
}

export const share = (part, whole) =>
  whole ? `${((part / whole) * 100).toFixed(part / whole < 0.0995 ? 2 : 1)}${THIN}%` : NONE

function short(value) {
  if (value < 1e3) return String(Number(value.toPrecision(4)))
  const [number, unit] = scaled(value, ['k', 'M', 'G', 'T'], 1000)
  return Number(number.toPrecision(3)) + unit
}

/* The same for axes, where it may be shorter: no needless decimals. */
export function tick(value, unit) {
  const sign = value < 0 ? '−' : ''
  value = Math.abs(value)
  if (value === 0) return '0'
  if (unit === 'bytes' || unit === 'seconds' || unit === 'nanoseconds') {
    return sign + format(value, unit).replace(/(\.\d*?)0+(?=\D)/, '$1').replace(/\.(?=\D)/, '')
  }
  if (unit === 'percent') return sign + Number(value.toPrecision(3)) + THIN + '%'
  if (unit === 'ratio') return sign + Number(value.toPrecision(3)) + '×'
  return sign + short(value)
}

/* Steps for axes: powers of two for bytes, 1 2 5 for the rest. */
export function steps(unit) {
  const list = []
  if (unit === 'bytes') for (let at = 0; at < 60; at++) list.push(2 ** at)
  else for (let at = -12; at < 18; at++) list.push(...[1, 2, 5].map((of) => Number(`${of}e${at}`)))
  return list
}

/* Places for about `count` ticks from `min` to `max`, and the end of the axis. */
export function ticks(min, max, unit, count) {
  const span = max - min || 1
  const step = steps(unit).find((of) => span / of <= count) || span
  const places = []
  for (let at = Math.ceil(min / step); at * step <= max * (1 + 1e-9) + 1e-300; at++) places.push(at * step)
  return places
}

/* The words of a command, as a shell would take them back. */
export function command(words) {
  if (!Array.isArray(words)) return words ? String(words) : ''
  return words.map((word) =>
    /^[\w%+,\-./:=@^]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`).join(' ')
}

export function capital(text) {
  text = String(text ?? '')
  return text && text[0].toUpperCase() + text.slice(1)
}
