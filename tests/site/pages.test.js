// The site that `make docs` builds, in Chromium: on the screen of a laptop and on a phone, in a light and a dark theme.
//
//     BOOK=target/book node --test pages.test.js
//
// SCREENSHOTS=directory also saves a picture of each page.
import puppeteer from 'puppeteer-core';
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const BOOK = process.env.BOOK;
const NO_PAGES = ['404.html', 'print.html', 'toc.html']; // the error, everything on one page, the menu without scripts
const PAGES = readdirSync(BOOK, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.html') && !NO_PAGES.includes(entry.name))
  .map((entry) => relative(BOOK, join(entry.parentPath ?? entry.path, entry.name)))
  .sort();

const LAPTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844, isMobile: true, hasTouch: true };
const THEMES = ['light', 'navy'];

let browser;
before(async () => {
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'], // root has no sandbox
    ignoreDefaultArgs: ['--hide-scrollbars'],
  });
});
after(() => browser.close());

// Calls `look` with each page of the site, shown on this screen.
async function onEachPage(screen, theme, look) {
  assert.ok(PAGES.length > 30, `only ${PAGES.length} pages`);
  const tab = await browser.newPage();
  await tab.setViewport(screen);
  await tab.evaluateOnNewDocument((name) => localStorage.setItem('mdbook-theme', name), theme);
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  for (const page of PAGES) {
    await tab.goto(pathToFileURL(join(BOOK, page)).href);
    await look(tab, page);
    if (process.env.SCREENSHOTS) {
      const name = `${theme}-${screen.width}-${page.replace('/', '-').replace('.html', '.png')}`;
      mkdirSync(process.env.SCREENSHOTS, { recursive: true });
      await tab.screenshot({ path: join(process.env.SCREENSHOTS, name), fullPage: page !== 'measurements.html' });
    }
  }
  await tab.close();
  assert.deepEqual(errors, []);
}

// The tables of the page: whether they reach beyond what is shown of them, and how high the bar is that scrolls them.
const tables = () =>
  [...document.querySelectorAll('main table')].map((table) => {
    const box = table.parentElement;
    const edge = Math.min(box.getBoundingClientRect().right, innerWidth);
    return {
      heading: table.innerText.slice(0, 40),
      isCut: table.getBoundingClientRect().right > edge + 1,
      scrolls: ['auto', 'scroll'].includes(getComputedStyle(box).overflowX),
      bar: box.offsetHeight - box.clientHeight,
    };
  });

// The page does not scroll sideways as a whole.
const isTooWide = () => document.scrollingElement.scrollWidth > innerWidth;

test('no table is cut off on a laptop', async () => {
  await onEachPage(LAPTOP, 'light', async (tab, page) => {
    const cut = (await tab.evaluate(tables)).filter((table) => table.isCut);
    assert.deepEqual(cut, [], page);
    assert.equal(await tab.evaluate(isTooWide), false, `${page} scrolls sideways`);
  });
});

test('a table that is too wide for a phone shows that it scrolls', async () => {
  let scrolling = 0;
  await onEachPage(PHONE, 'light', async (tab, page) => {
    for (const table of (await tab.evaluate(tables)).filter((table) => table.isCut)) {
      assert.ok(table.scrolls && table.bar >= 4, `${page}: ${JSON.stringify(table)}`);
      scrolling += 1;
    }
    assert.equal(await tab.evaluate(isTooWide), false, `${page} scrolls sideways`);
  });
  assert.ok(scrolling > 5, 'the test sees tables that scroll');
});

// The contrast of text with its background, as WCAG defines it: from 1, nothing, to 21, black on white.
const weakest = () => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const both = [channels(getComputedStyle(element).color), background(element)].map(light).sort((a, b) => b - a);
    return (both[0] + 0.05) / (both[1] + 0.05);
  };
  const parts = ['p', 'li', 'td', 'th', 'h1', 'h2', 'code', 'a'].map((tag) => `main ${tag}`).join(', ');
  const texts = [...document.querySelectorAll(parts)];
  return Math.min(...texts.map(contrast));
};

for (const theme of THEMES) {
  test(`text can be read in the theme ${theme}`, async () => {
    await onEachPage(theme === 'light' ? LAPTOP : PHONE, theme, async (tab, page) => {
      assert.ok(await tab.evaluate((name) => document.documentElement.classList.contains(name), theme), page);
      const contrast = await tab.evaluate(weakest);
      assert.ok(contrast >= 4, `${page}: a contrast of ${contrast.toFixed(2)}`);
    });
  });
}

test('the title names the page and the site, and the menu names the page as its heading does', async () => {
  const titles = new Set();
  await onEachPage(LAPTOP, 'light', async (tab, page) => {
    const [title, heading, entry] = await tab.evaluate(() => [
      document.title,
      document.querySelector('main h1').innerText,
      document.querySelector('#mdbook-sidebar a.active')?.innerText,
    ]);
    assert.equal(title, `${heading} - Simile`, page);
    assert.equal(entry?.trim(), heading, `${page} in the menu`);
    titles.add(title);
  });
  assert.equal(titles.size, PAGES.length);
});

test('every link within the site leads to a page and a heading', async () => {
  const ids = new Map();
  const links = [];
  await onEachPage(LAPTOP, 'light', async (tab, page) => {
    const [found, hrefs] = await tab.evaluate(() => [
      [...document.querySelectorAll('[id]')].map((element) => element.id),
      [...document.querySelectorAll('main a[href]')].map((link) => link.href),
    ]);
    const targets = hrefs.filter((href) => href.startsWith('file:'));
    ids.set(pathToFileURL(join(BOOK, page)).href, new Set(found));
    links.push(...targets.map((target) => ({ page, target })));
  });
  assert.ok(links.length > 200, `only ${links.length} links`);
  for (const { page, target } of links.filter(({ target }) => target.includes('.html'))) {
    const [file, heading] = target.split('#');
    assert.ok(ids.has(file), `${page} links to ${target}`);
    assert.ok(!heading || ids.get(file).has(decodeURIComponent(heading)), `${page} links to ${target}`);
  }
});

// `scripts/docs.sh` finds the address of the source in the checkout; here it is told one.
test('each page links to its source, and to the files that it names', async () => {
  const source = process.env.SOURCE_URL;
  let files = 0;
  await onEachPage(LAPTOP, 'light', async (tab, page) => {
    const menu = '#mdbook-menu-bar a';
    const hrefs = await tab.evaluate((links) => [...document.querySelectorAll(links)].map((link) => link.href), menu);
    assert.ok(hrefs.includes(source) || hrefs.includes(`${source}/`), `${page}: ${hrefs}`);
    const path = `docs/${page.replace('.html', '.md')}`;
    assert.ok(hrefs.some((href) => href === `${source}/blob/HEAD/${path}`), `${page}: ${hrefs}`);
    const named = await tab.evaluate(() => [...document.querySelectorAll('main a')].map((link) => link.href));
    files += named.filter((href) => href.startsWith(`${source}/blob/HEAD/`)).length;
  });
  assert.ok(files > 10, `only ${files} links to files`);
});
