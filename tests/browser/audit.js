// What every page must be, whatever it is about: returns a list of sentences on what it is not.
() => {
  const problems = []
  const say = (what, element) =>
    problems.push(element ? `${what}: ${element.outerHTML.replace(/\s+/g, ' ').slice(0, 160)}` : what)
  const all = selector => [...document.querySelectorAll(selector)]
  const shown = element => element.checkVisibility({ visibilityProperty: true })
  const byIds = ids => (ids ?? '').split(/\s+/).filter(Boolean)

  // The name that a screen reader reads (a part of https://www.w3.org/TR/accname-1.2/).
  const name = element => {
    const labelled = byIds(element.getAttribute('aria-labelledby'))
      .map(id => document.getElementById(id)?.textContent ?? '').join(' ')
    const labels = [...(element.labels ?? [])].map(label => label.textContent).join(' ')
    const inner = [...element.querySelectorAll('[aria-label], img[alt]')]
      .map(part => part.getAttribute('aria-label') ?? part.alt).join(' ')
    const own = element.matches('input, select, textarea') ? '' : element.textContent
    return (labelled || element.getAttribute('aria-label') || labels || own + inner ||
      element.title).trim()
  }

  if (!document.documentElement.lang) say('the page has no language')
  if (!document.title.trim()) say('the page has no title')
  const heads = all('h1').filter(shown)
  const pageHeads = heads.filter(head => !head.closest('.markdown-body'))
  if (pageHeads.length !== 1) say(`the page has ${pageHeads.length} headings of the first level`)
  if (all('main').length !== 1) say('the page has not one <main>')

  for (const field of all('input:not([type=hidden]), select, textarea')) {
    if (field.closest('.markdown-body')) continue // a task list's box says what stands beside it
    if (!name(field)) say('a field without a label', field)
  }
  for (const radio of all('input[type=radio]')) {
    if (!radio.closest('fieldset')?.querySelector('legend')) say('choices without a legend', radio)
  }
  for (const element of all('a[href], button, [role=button]')) {
    if (!name(element)) say('nothing says what this does', element)
  }
  for (const image of all('img:not([alt])')) say('a picture without alt', image)
  for (const area of all('nav, section')) {
    if (!name(area)) say('an area without a name', area)
  }

  const ids = all('[id]').map(element => element.id)
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) {
    say(`the id ${id} is there more than once`)
  }
  for (const attribute of ['for', 'aria-describedby', 'aria-labelledby', 'aria-controls']) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of byIds(element.getAttribute(attribute))) {
        if (!document.getElementById(id)) say(`${attribute} names ${id}, which is not there`, element)
      }
    }
  }

  for (const element of all('*')) {
    if (element.hasAttribute('data-popper-placement')) continue // placed by script, as the policy allows
    for (const { name } of element.attributes) {
      if (name === 'style' || name.startsWith('on')) say(`an inline ${name}`, element)
    }
  }
  for (const inline of all('style, script:not([src])')) say('inline code', inline)
  for (const form of all('form[method=post]')) {
    if (!form.elements.csrf_token?.value) say('a form without a CSRF token', form)
  }
  return problems
}
