// SPDX-License-Identifier: MIT
// The tree of calls under a flame graph: nodes in arrays, parents before their children, sums of each
// metric, children by weight. Also turned round: from each function to those who call it.

const MOST_INVERTED = 300000 // nodes; beyond them, callers of callers are left out

/*
 * parent: Int32Array, node 0 is the root; name: index into names, by node; own: a Float64Array for
 * each metric.
 */
function finish(tree) {
  const { parent, own } = tree
  const nodes = parent.length
  tree.total = own.map((values) => {
    const sums = Float64Array.from(values)
    for (let node = nodes - 1; node > 0; node--) sums[parent[node]] += sums[node]
    return sums
  })
  tree.first = new Int32Array(nodes + 1)
  for (let node = 1; node < nodes; node++) tree.first[parent[node] + 1]++
  for (let node = 0; node < nodes; node++) tree.first[node + 1] += tree.first[node]
  tree.depth = new Int32Array(nodes)
  for (let node = 1; node < nodes; node++) tree.depth[node] = tree.depth[parent[node]] + 1
  tree.orders = own.map(() => null)
  return tree
}

/* From the nodes of a document: [parent, name, value…]. */
export function treeOf(section) {
  const listed = section.nodes || []
  const metrics = section.metrics || []
  const tops = listed.reduce((count, node) => count + (node[0] < 0), 0)
  const extra = tops === 1 && listed[0][0] < 0 ? 0 : 1 // a root of our own
  const count = listed.length + extra
  const names = []
  const known = new Map()
  const tree = {
    metrics, names,
    parent: new Int32Array(count),
    name: new Int32Array(count),
    own: metrics.map(() => new Float64Array(count)),
  }
  const intern = (text) => {
    let index = known.get(text)
    if (index === undefined) known.set(text, index = names.push(text) - 1)
    return index
  }
  tree.parent[0] = -1
  if (extra) tree.name[0] = intern('all')
  listed.forEach((node, at) => {
    const to = at + extra
    if (node[0] >= at) throw new Error(`node ${at} stands before its parent`)
    tree.parent[to] = node[0] < 0 ? (to ? 0 : -1) : node[0] + extra
    tree.name[to] = intern(String(node[1]))
    metrics.forEach((_, metric) => { tree.own[metric][to] = node[metric + 2] || 0 })
  })
  return finish(tree)
}

/* The children of a node, the heaviest first: calls visit(child) for each. */
export function children(tree, metric) {
  if (!tree.orders[metric]) {
    const { first, parent } = tree
    const total = tree.total[metric]
    const order = new Int32Array(parent.length)
    const next = first.slice()
    for (let node = 1; node < parent.length; node++) order[next[parent[node]]++] = node
    for (let node = 0; node < parent.length; node++)
      if (first[node + 1] - first[node] > 1)
        order.subarray(first[node], first[node + 1]).sort((a, b) => total[b] - total[a])
    tree.orders[metric] = order
  }
  const order = tree.orders[metric]
  return (node) => order.subarray(tree.first[node], tree.first[node + 1])
}

/* Each function at the top, below it who calls it. */
export function inverted(tree) {
  const parent = [-1]
  const name = [tree.name[0]]
  const own = tree.metrics.map(() => [0])
  const below = [new Map()]
  const weight = tree.metrics.map((_, metric) => tree.total[metric][0] || 1)
  const heavy = (node) => tree.own.reduce((sum, values, metric) => sum + Math.abs(values[node]) / weight[metric], 0)
  const leaves = []
  for (let node = 1; node < tree.parent.length; node++) {
    const value = heavy(node)
    if (value) leaves.push([value, node])
  }
  leaves.sort((a, b) => b[0] - a[0])
  for (const [, leaf] of leaves) {
    let at = 0
    for (let node = leaf; node > 0; node = tree.parent[node]) {
      let next = below[at].get(tree.name[node])
      if (next === undefined) {
        if (parent.length >= MOST_INVERTED && at) break
        next = parent.length
        below[at].set(tree.name[node], next)
        below.push(new Map())
        parent.push(at)
        name.push(tree.name[node])
        own.forEach((values) => values.push(0))
      }
      at = next
    }
    own.forEach((values, metric) => { values[at] += tree.own[metric][leaf] })
  }
  return finish({
    metrics: tree.metrics, names: tree.names,
    parent: Int32Array.from(parent), name: Int32Array.from(name),
    own: own.map((values) => Float64Array.from(values)),
  })
}

/* Sums by function: [name, own, with what it calls]; a recursive function counts once. */
export function functions(tree, metric) {
  const own = new Float64Array(tree.names.length)
  const whole = new Float64Array(tree.names.length)
  const active = new Int32Array(tree.names.length)
  const list = children(tree, metric)
  const stack = [0]
  while (stack.length) {
    const node = stack.pop()
    if (node < 0) {
      active[tree.name[~node]]--
      continue
    }
    const name = tree.name[node]
    own[name] += tree.own[metric][node]
    if (!active[name]++) whole[name] += tree.total[metric][node]
    stack.push(~node)
    for (const child of list(node)) stack.push(child)
  }
  return tree.names.map((name, at) => [name, own[at], whole[at]])
    .filter((row) => row[1] || row[2]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]) || Math.abs(b[2]) - Math.abs(a[2]))
}
