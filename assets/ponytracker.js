// Every page works without this; it makes some of them better. Imported for what they do: each
// finds its elements by their data-bs-toggle.

import 'bootstrap/js/src/collapse.js'
import 'bootstrap/js/src/dropdown.js'
