// Every page works without this; it makes some of them better. Bootstrap's parts are imported for
// what they do: each finds its elements by their data-bs-toggle.

import 'bootstrap/js/src/dropdown.js'

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
      body: new URLSearchParams({ csrf_token: token, data: text.value }),
    }).catch(() => null)
    // Signed out meanwhile, or the like: ask for the preview as a page, which says what is wrong.
    if (!response?.ok || response.redirected) return text.form.requestSubmit(button)
    // Our own renderer's output, sanitised on the server.
    preview.innerHTML = await response.text()
    preview.hidden = false
  })
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

  // An error page has one sentence that says what is wrong.
  async function reason(response) {
    const page = new DOMParser().parseFromString((await response?.text()) ?? '', 'text/html')
    return page.querySelector('.message-page p')?.textContent
  }
}
