// Text that stands out too little from what is behind it (WCAG 2.2, 1.4.3, AA): a list of sentences.
() => {
  const parse = text => {
    const [kind, ...parts] = text.match(/^[a-z]+|-?[\d.]+(?:e-?\d+)?%?/g)
    const numbers = parts.filter(part => part !== 'srgb').map(parseFloat)
    const [r, g, b] = kind === 'color' ? numbers.map(part => part * 255) : numbers
    return [r, g, b, numbers[3] ?? 1]
  }
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((part, at) => part * a + below[at] * (1 - a)).concat(1)
  const behind = element => {
    const layers = []
    for (let at = element; at; at = at.parentElement) {
      // A label's colour is that of a picture behind its text.
      const picture = at.querySelector(':scope > svg > rect[width="100%"]')
      if (picture) {
        layers.push(parse(getComputedStyle(picture).fill))
        break
      }
      layers.push(parse(getComputedStyle(at).backgroundColor))
      if (layers.at(-1)[3] === 1) break
    }
    const dark = matchMedia('(prefers-color-scheme: dark)').matches
    return layers.reduceRight((below, layer) => over(layer, below),
      dark ? [18, 18, 18, 1] : [255, 255, 255, 1])
  }
  // Relative luminance, WCAG 2.2.
  const luminance = color => color.slice(0, 3)
    .map(part => part / 255)
    .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)

  const problems = new Set()
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement
    if (!texts.currentNode.data.trim() || element.closest('script, :disabled, .disabled')) continue
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue
    const style = getComputedStyle(element)
    const background = behind(element)
    const color = over(parse(style.color), background)
    const [light, dark] = [luminance(color), luminance(background)].sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    const size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700)
    if (ratio < (large ? 3 : 4.5)) {
      problems.add(`${ratio.toFixed(2)}: <${element.localName} class="${element.className}"> ` +
        `${style.color} on ${background.slice(0, 3).map(Math.round)}`)
    }
  }
  return [...problems]
}
