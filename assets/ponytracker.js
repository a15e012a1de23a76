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
