// Every page works without this; it makes some of them better. Bootstrap's parts are imported for
// what they do: each finds its elements by their data-bs-toggle.

import 'bootstrap/js/src/dropdown.js'
import '@github/text-expander-element'

// A choice in a list such as the sort takes effect at once, without the button beside it.
for (const select of document.querySelectorAll('[data-submit-on-change]')) {
  select.addEventListener('change', () => select.form.requestSubmit())
}
for (const button of document.querySelectorAll('[data-without-script]')) button.hidden = true

// A form is sent once, however often its button is pressed. The server takes it once in any case.
for (const form of document.querySelectorAll('form[data-submit-once]')) {
  form.addEventListener('submit', event => {
    if (form.dataset.sent) event.preventDefault()
    else if (event.submitter?.name !== 'preview') form.dataset.sent = 'true'
  })
  // Whoever comes back by the browser's button may send it again.
  window.addEventListener('pageshow', () => delete form.dataset.sent)
  // Ctrl+Enter, or Cmd+Enter, sends what is being typed by the form's main button.
  form.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      form.requestSubmit(form.querySelector('.btn-primary'))
    }
  })
}

// On a phone the tabs are pushed aside; the one that is open is not to be out of sight.
for (const tab of document.querySelectorAll('.project-header .nav [aria-current=page]')) {
  tab.scrollIntoView({ block: 'nearest', inline: 'center' })
}

// The preview of an editor appears below it, without leaving the page.
for (const editor of document.querySelectorAll('.markdown-editor')) {
  const text = editor.querySelector('textarea')
  const preview = editor.querySelector('[data-preview]')
  const button = editor.querySelector('button[name=preview]')
  button.addEventListener('click', async event => {
    event.preventDefault()
    const token = text.form.elements.csrf_token.value
    const response = await fetch(editor.dataset.previewUrl, {
      method: 'POST',
      body: new URLSearchParams({
        csrf_token: token,
        data: text.value,
        project: editor.dataset.project ?? '',
        issue: editor.dataset.issue ?? '',
      }),
    }).catch(() => null)
    // Signed out meanwhile, or the like: ask for the preview as a page, which says what is wrong.
    if (!response?.ok || response.redirected) return text.form.requestSubmit(button)
    // Our own renderer's output, sanitised on the server.
    preview.innerHTML = await response.text()
    preview.hidden = false
  })
}

// Files are sent as they are chosen, dropped on the text or pasted into it, and the text names them.
for (const field of document.querySelectorAll('.file-field[data-upload]')) {
  const form = field.closest('form')
  const text = form.querySelector('.markdown-editor textarea')
  const input = field.querySelector('input[type=file]')
  const list = field.querySelector('[data-files]')
  const blank = field.querySelector('template').content
  let waiting = 0
  let button // which was pressed while files were on their way

  field.querySelector('[data-with-script]').hidden = false
  input.addEventListener('change', () => {
    const files = [...input.files]
    input.value = ''
    for (const file of files) upload(file)
  })
  text.addEventListener('paste', event => {
    const { files, types } = event.clipboardData
    // What is copied from a document is text and a picture of it.
    if (!files.length || types.includes('text/plain')) return
    event.preventDefault()
    for (const file of files) upload(file)
  })
  for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    text.addEventListener(type, event => {
      if (!event.dataTransfer.types.includes('Files')) return
      event.preventDefault()
      text.classList.toggle('drop-here', type.startsWith('drago') || type === 'dragenter')
      if (type !== 'drop') return
      for (const file of event.dataTransfer.files) upload(file)
    })
  }
  // Sent too early, the form would lack them: it is sent when they have arrived.
  form.addEventListener('submit', event => {
    if (!waiting) return
    event.preventDefault()
    event.stopImmediatePropagation()
    button = event.submitter ?? form.querySelector('.btn-primary')
  }, { capture: true })

  async function upload(file) {
    const entry = document.createElement('li')
    const progress = document.createElement('progress')
    progress.setAttribute('aria-label', `${field.dataset.uploading} ${file.name}`)
    entry.append(progress, ' ', file.name)
    list.append(entry)
    if (file.size > field.dataset.maxSize) return refuse(entry, file, field.dataset.tooLarge)
    const mark = `![${field.dataset.uploading} ${plain(file.name)}…]()`
    insert(mark)
    waiting += 1
    const answer = await send(file, progress)
    waiting -= 1
    replace(mark, answer.id ? link(answer) : '')
    if (answer.id) entry.replaceWith(chosen(answer))
    else refuse(entry, file, answer.error ?? field.dataset.failed)
    if (!waiting && button) {
      const pressed = button
      button = undefined
      if (answer.id) form.requestSubmit(pressed)
    }
  }

  // By fetch there would be no telling how much of it has been sent.
  function send(file, progress) {
    const body = new FormData()
    body.append('csrf_token', form.elements.csrf_token.value)
    body.append('file', file)
    return new Promise(done => {
      const request = new XMLHttpRequest()
      request.upload.addEventListener('progress', ({ loaded, total }) => {
        progress.max = total
        progress.value = loaded
      })
      request.addEventListener('loadend', () => done(read(request.responseText)))
      request.open('POST', field.dataset.upload)
      request.setRequestHeader('Accept', 'application/json')
      request.send(body)
    })
  }

  // An answer of ours, or an error page, which has one sentence that says what is wrong.
  function read(answer) {
    try {
      return JSON.parse(answer)
    } catch {
      const page = new DOMParser().parseFromString(answer, 'text/html')
      return { error: page.querySelector('.message-page p')?.textContent }
    }
  }

  function chosen({ id, name, path, size }) {
    const entry = blank.firstElementChild.cloneNode(true)
    const box = entry.querySelector('input')
    box.name = 'attachment'
    box.value = id
    box.id = `file-${id}`
    entry.querySelector('label').htmlFor = box.id
    entry.querySelector('.visually-hidden').textContent = name
    const anchor = entry.querySelector('a')
    anchor.href = path
    anchor.textContent = name
    entry.querySelector('.file-size').textContent = readable(size)
    return entry
  }

  function refuse(entry, file, why) {
    entry.className = 'text-danger-emphasis'
    entry.textContent = `${file.name}: ${why}`
  }

  function insert(words) {
    const before = text.value.slice(0, text.selectionStart)
    const gap = before && !/\s$/.test(before) ? ' ' : ''
    text.setRangeText(gap + words, text.selectionStart, text.selectionEnd, 'end')
    text.dispatchEvent(new Event('input', { bubbles: true }))
  }

  function replace(words, others) {
    const at = text.value.indexOf(words)
    if (at < 0) return
    const end = at + words.length
    const caret = text.selectionEnd
    text.setRangeText(others, at, end)
    const moved = caret < end ? Math.min(caret, at) : caret + others.length - words.length
    text.setSelectionRange(moved, moved)
    text.dispatchEvent(new Event('input', { bubbles: true }))
  }

  const link = ({ id, name, is_image: isImage }) =>
    `${isImage ? '!' : ''}[${plain(name)}](attachment:${id})`
  const plain = name => name.replace(/[\\`*_[\]<>]/g, '\\$&')
  const readable = size => (size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`)
}

// While a text is typed, people are suggested after an @ and issues after a #.
for (const expander of document.querySelectorAll('text-expander')) {
  const types = { '@': 'user', '#': 'issue' }
  let last

  expander.addEventListener('text-expander-change', ({ detail }) => {
    // A heading, or a number that is complete: nothing to be looked for.
    if (/^\s|^\d+\s/.test(detail.text)) return
    const mine = suggest(types[detail.key], detail.text, () => mine === last)
    last = mine
    detail.provide(mine)
  })
  expander.addEventListener('text-expander-value', ({ detail }) => {
    detail.value = detail.item.dataset.value
  })
  // The menu is put where the name begins, which may leave it no room.
  expander.addEventListener('text-expander-activate', () => requestAnimationFrame(() => {
    const menu = expander.querySelector('[role=listbox]')
    if (!menu) return
    const excess = menu.getBoundingClientRect().right - expander.getBoundingClientRect().right
    if (excess > 0) menu.style.left = `calc(${menu.style.left} - ${excess}px)`
  }))

  async function suggest(type, query, isLast) {
    await new Promise(done => setTimeout(done, 150))
    if (!isLast()) return last
    const address = new URL(expander.dataset.suggestions, location)
    address.search = new URLSearchParams({ type, query })
    const response = await fetch(address).catch(() => null)
    // Without an answer the name is typed to its end, as without JavaScript.
    const found = response?.ok ? (await response.json()).suggestions : []
    return { matched: found.length > 0, fragment: menu(found) }
  }

  function menu(found) {
    const list = document.createElement('ul')
    list.className = 'suggestions dropdown-menu show'
    list.setAttribute('role', 'listbox')
    list.setAttribute('aria-label', expander.dataset.name)
    list.append(...found.map(({ value, data }, index) => {
      const item = document.createElement('li')
      item.className = 'dropdown-item'
      item.setAttribute('role', 'option')
      item.id = `suggestion-${index}`
      item.dataset.value = value
      const name = document.createElement('strong')
      name.textContent = value
      item.append(name, ' ', data)
      return item
    }))
    return list
  }
}

// A name that is being typed is completed from what the server suggests. The address is in
// data-suggest; data-suggest-type names the field of the form that says what kind of name it is.
for (const input of document.querySelectorAll('input[data-suggest]')) {
  const list = document.createElement('datalist')
  list.id = `${input.id}-suggestions`
  input.after(list)
  input.setAttribute('list', list.id)
  input.autocomplete = 'off'
  const kind = () => input.form.elements[input.dataset.suggestType]?.value
  let asked = 0
  let timer

  async function suggest() {
    const turn = ++asked
    const query = input.value.trim()
    const found = query ? await ask(query) : []
    if (turn !== asked) return // a later answer is on its way
    list.replaceChildren(...found.map(({ value }) => new Option(value, value)))
  }

  async function ask(query) {
    const address = new URL(input.dataset.suggest, location)
    address.searchParams.set('query', query)
    if (kind()) address.searchParams.set('type', kind())
    const response = await fetch(address).catch(() => null)
    // Without an answer the name is typed to its end, as without JavaScript.
    return response?.ok ? (await response.json()).suggestions : []
  }

  input.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(suggest, 200)
  })
  input.form.elements[input.dataset.suggestType]?.addEventListener?.('change', suggest)
}

// A right is given or taken by a click, in its place. What the server refuses is said beside it.
for (const form of document.querySelectorAll('form[data-toggles]')) {
  const failure = document.createElement('div')
  failure.className = 'alert alert-danger'
  failure.setAttribute('role', 'alert')

  form.addEventListener('submit', async event => {
    event.preventDefault()
    const button = event.submitter
    if (button.hasAttribute('aria-busy')) return
    button.setAttribute('aria-busy', 'true')
    failure.remove()
    const response = await fetch(button.formAction, {
      method: 'POST',
      headers: { 'X-Requested-With': 'XMLHttpRequest' },
      body: new URLSearchParams({
        csrf_token: form.elements.csrf_token.value,
        [button.name]: button.value,
      }),
    }).catch(() => null)
    const given = response?.ok ? await response.json().then(it => it.given, () => null) : null
    button.removeAttribute('aria-busy')
    if (given === null) {
      failure.textContent = (await reason(response)) ?? form.dataset.failure
      button.parentElement.before(failure)
    } else {
      button.value = given ? '0' : '1'
      button.setAttribute('aria-pressed', given)
    }
  })

  // What came too soon is answered by JSON; an error page has one sentence that says what is wrong.
  async function reason(response) {
    const answer = (await response?.text()) ?? ''
    const type = response?.headers.get('Content-Type') ?? ''
    if (type.startsWith('application/json')) return JSON.parse(answer).error
    const page = new DOMParser().parseFromString(answer, 'text/html')
    return page.querySelector('.message-page p')?.textContent
  }
}

// A label that is being edited is shown as it will look; its colour and the code of that agree.
for (const preview of document.querySelectorAll('[data-label-preview]')) {
  const { name, color, color_code: code, inverted } = preview.closest('form').elements
  const badge = preview.querySelector('.issue-label')
  if (!badge) continue
  const [picture, text] = [badge.querySelector('rect'), badge.lastChild]

  function show() {
    text.data = name.value.trim() || preview.dataset.labelPreview
    picture.setAttribute('fill', color.value)
    const isDark = inverted.checked || contrastWithWhite(color.value) > Math.sqrt(21)
    badge.classList.toggle('on-dark', isDark)
    badge.classList.toggle('on-light', !isDark)
  }

  // As labels/colors.py has it.
  function contrastWithWhite(value) {
    const [red, green, blue] = [1, 3, 5]
      .map(at => parseInt(value.slice(at, at + 2), 16) / 255)
      .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
  }

  color.addEventListener('input', () => { code.value = color.value.toUpperCase() })
  code.addEventListener('input', () => {
    const digits = /^#?([0-9a-f]{6})$/i.exec(code.value.trim())
    if (digits) color.value = `#${digits[1]}`
  })
  preview.closest('form').addEventListener('input', show)
}

// A menu that is open closes when something else is pressed, or Escape.
document.addEventListener('click', event => {
  for (const menu of document.querySelectorAll('details.side-menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false
  }
})
document.addEventListener('keydown', event => {
  const menu = event.key === 'Escape' && event.target.closest?.('details.side-menu[open]')
  if (!menu) return
  menu.open = false
  menu.querySelector('summary').focus()
})

// A menu closes when something else is clicked, another one is opened, or Escape is pressed.
for (const type of ['click', 'focusin']) {
  document.addEventListener(type, ({ target }) => {
    for (const menu of document.querySelectorAll('details[data-menu][open]')) {
      if (!menu.contains(target)) menu.open = false
    }
  })
}
document.addEventListener('keydown', ({ key }) => {
  const menu = key === 'Escape' && document.querySelector('details[data-menu][open]')
  if (menu) {
    menu.open = false
    menu.querySelector('summary').focus()
  }
})

// What is done to the selected issues of a list: hidden until there are any, all with one click,
// and a name is asked for only where one is needed.
for (const form of document.querySelectorAll('form[data-bulk]')) {
  const boxes = [...form.elements].filter(({ name }) => name === 'issue')
  const change = form.elements.change
  const assignee = form.querySelector('[data-bulk-assignee]')
  const all = document.createElement('input')
  all.type = 'checkbox'
  all.className = 'form-check-input'
  all.setAttribute('aria-label', form.dataset.bulk)
  form.prepend(all)

  const count = () => {
    const chosen = boxes.filter(({ checked }) => checked).length
    all.checked = chosen === boxes.length
    all.indeterminate = chosen > 0 && !all.checked
    form.classList.toggle('nothing-selected', chosen === 0)
    if (assignee) assignee.hidden = change.value !== 'assign'
  }
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked
    count()
  })
  for (const input of [...boxes, change]) input.addEventListener('change', count)
  window.addEventListener('pageshow', count)
  count()
}
