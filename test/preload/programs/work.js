// SPDX-License-Identifier: MIT
// Work for the case node, part after part; each prints one line.
'use strict';
const assert = require('assert');
const child_process = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const util = require('util');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex').slice(0, 16);

function objects(count) {
    let state = 1;
    const draw = (limit) => (state = (state * 16807) % 2147483647) % limit;
    const list = [];
    for (let i = 0; i < count; i++)
        list.push({ id: i, name: draw(1e9).toString(36), tags: Array.from({ length: draw(6) }, () => draw(100)), more: { half: i / 2 } });
    return list;
}

function json() {
    const text = JSON.stringify(objects(30000));
    const map = new Map(JSON.parse(text).map((item) => [item.name, item]));
    const sorted = [...map.keys()].sort();
    console.log('json', text.length, map.size, sorted[0], digest(JSON.stringify(sorted)));
}

function buffers() {
    const all = [];
    for (let size = 0; size < 3000; size++) all.push(Buffer.alloc(size * 7, size % 256));
    const whole = Buffer.concat(all);
    const views = [];
    for (let i = 0; i < 2000; i++) views.push(new Float64Array(i).fill(i), Buffer.from('text '.repeat(i % 300)));
    for (let i = 0; i < 20; i++) new ArrayBuffer(30 << 20);
    const text = whole.toString('base64');
    assert(Buffer.from(text, 'base64').equals(whole));
    console.log('buffers', whole.length, digest(whole), views.reduce((sum, view) => sum + view.length, 0), text.length);
}

async function compressed() {
    const data = Buffer.from(JSON.stringify(objects(20000)));
    const sizes = [];
    for (const [pack, unpack] of [['gzip', 'gunzip'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress']]) {
        const options = pack === 'brotliCompress' ? { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } } : {};
        const packed = await Promise.all([1, 2, 3, 4].map(() => util.promisify(zlib[pack])(data, options)));
        assert((await util.promisify(zlib[unpack])(packed[3])).equals(data));
        sizes.push(packed[0].length);
    }
    console.log('compressed', sizes.join(' '));
}

function hashes() {
    const data = Buffer.alloc(1 << 20, 'data');
    const sums = ['md5', 'sha1', 'sha512'].map((name) => crypto.createHash(name).update(data).digest('hex').slice(0, 8));
    const cipher = crypto.createCipheriv('aes-256-gcm', Buffer.alloc(32, 1), Buffer.alloc(12, 2));
    const hidden = Buffer.concat([cipher.update(data), cipher.final()]);
    console.log('hashes', sums.join(' '), digest(hidden), crypto.pbkdf2Sync('word', 'salt', 1000, 16, 'sha256').toString('hex'));
}

async function workers() {
    const run = (number) => new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: number });
        let answer;
        worker.on('message', (message) => { answer = message; });
        worker.on('error', reject);
        worker.on('exit', (code) => resolve([answer, code]));
    });
    const answers = [];
    for (let wave = 0; wave < 3; wave++) answers.push(...await Promise.all([1, 2, 3, 4].map((n) => run(wave * 4 + n))));
    console.log('workers', JSON.stringify(answers));
    const stuck = new Worker("require('worker_threads').parentPort.postMessage(1); for (;;) Buffer.alloc(5000)", { eval: true });
    await new Promise((resolve) => stuck.once('message', resolve));
    console.log('terminated', await stuck.terminate());
}

async function timers() {
    const order = [];
    await Promise.all(Array.from({ length: 300 }, (_, i) => new Promise((resolve) => setTimeout(() => {
        order.push(i);
        resolve();
    }, i % 5))));
    const files = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
        await fs.promises.writeFile(`file${i}`, 'x'.repeat(i * 100));
        return (await fs.promises.readFile(`file${i}`)).length;
    }));
    console.log('timers', order.length, files.reduce((a, b) => a + b));
}

function children() {
    const echo = child_process.spawnSync('cat', { input: 'y'.repeat(300000) });
    const failed = child_process.spawnSync('sh', ['-c', 'exit 5']);
    console.log('children', echo.stdout.length, failed.status, child_process.execSync('echo from a shell').toString().trim());
}

async function main() {
    json();
    buffers();
    await compressed();
    hashes();
    await workers();
    await timers();
    children();
}

if (isMainThread) main();
else parentPort.postMessage([workerData, digest(JSON.stringify(objects(2000 * (workerData % 4)))), zlib.gzipSync(Buffer.alloc(100000)).length]);
