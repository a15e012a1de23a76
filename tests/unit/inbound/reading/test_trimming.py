from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.reading import trimming
from ponytracker.inbound.reading.trimming import trim

OWN = "Fine with me.\n\nGo ahead, Ann."
QUOTED = "> Shall we start on Monday?\n>\n> Bob"
UNQUOTED = "Shall we start on Monday?\n\nBob"

# One of each client and language that differs in form: from Gmail, Apple Mail, Thunderbird, Outlook
# on telephones, Proton, Yandex, mutt, Horde and others.
ATTRIBUTIONS = """
On Tue, Mar 5, 2024 at 9:14 AM Bob Ray <bob@example.org> wrote:
On 5 Mar 2024, at 09:14, Bob Ray <bob@example.org> wrote:
On 3/5/24 9:14 AM, Bob Ray wrote:
On 2024-03-05 09:14, Bob Ray via Tracker wrote:
On Tuesday, March 5th, 2024 at 9:14 AM, Bob Ray <bob@example.org> wrote:
Bob Ray <bob@example.org> wrote:
Am 05.03.24 um 09:14 schrieb Bob Ray:
Am Di., 5. März 2024 um 09:14 Uhr schrieb Bob Ray <bob@example.org>:
Bob Ray <bob@example.org> schrieb am Di., 5. März 2024, 09:14:
Le mar. 5 mars 2024 à 09:14, Bob Ray <bob@example.org> a écrit :
Le 05/03/2024 à 09:14, Bob Ray a écrit :
El mar, 5 mar 2024 a las 9:14, Bob Ray (<bob@example.org>) escribió:
Em ter., 5 de mar. de 2024 às 09:14, Bob Ray <bob@example.org> escreveu:
Il giorno mar 5 mar 2024 alle ore 09:14 Bob Ray <bob@example.org> ha scritto:
Op di 5 mrt 2024 om 09:14 schreef Bob Ray <bob@example.org>:
Den tis 5 mars 2024 kl 09:14 skrev Bob Ray <bob@example.org>:
Den 05.03.2024 09:14, skrev Bob Ray:
ti 5. maalisk. 2024 klo 9.14 Bob Ray (bob@example.org) kirjoitti:
wt., 5 mar 2024 o 09:14 Bob Ray <bob@example.org> napisał(a):
W dniu 5.03.2024 o 09:14, Bob Ray pisze:
út 5. 3. 2024 v 9:14 odesílatel Bob Ray <bob@example.org> napsal:
Bob Ray <bob@example.org> ezt írta (időpont: 2024. márc. 5., K, 9:14):
вт, 5 мар. 2024 г. в 09:14, Bob Ray <bob@example.org>:
05.03.2024 09:14, Bob Ray пишет:
вт, 5 бер. 2024 р. о 09:14 Bob Ray <bob@example.org> пише:
5 Mar 2024 Sal, 09:14 tarihinde Bob Ray <bob@example.org> şunu yazdı:
Στις Τρί 5 Μαρ 2024 στις 9:14 π.μ., ο/η Bob Ray <bob@example.org> έγραψε:
mar., 5 mar. 2024, 09:14 Bob Ray <bob@example.org> a scris:
Bob Ray <bob@example.org> 於 2024年3月5日 週二 上午9:14寫道：
2024年3月5日(火) 9:14 Bob Ray <bob@example.org>:
2024년 3월 5일 (화) 오전 9:14, Bob Ray <bob@example.org>님이 작성:
Vào Th 3, 5 thg 3, 2024 vào lúc 09:14 Bob Ray <bob@example.org> đã viết:
Pada tanggal Sel, 5 Mar 2024 pukul 09.14 Bob Ray <bob@example.org> menulis:
בתאריך יום ג׳, 5 במרץ 2024 ב-9:14 מאת Bob Ray <bob@example.org>:
في الثلاثاء، 5 مارس 2024 في 9:14 ص Bob Ray <bob@example.org>:
---- On Tue, 05 Mar 2024 09:14:00 +0100 Bob Ray <bob@example.org> wrote ----
-------- Original message --------
-------- Ursprüngliche Nachricht --------
-------- Message d'origine --------
-------- Messaggio originale --------
-------- Исходное сообщение --------
------------------ 原始邮件 ------------------
""".strip().splitlines()

HEADERS = """
From|Sent|To|Subject
Von|Gesendet|An|Betreff
De|Envoyé|À|Objet
De|Enviado|Para|Asunto
De|Enviada em|Para|Assunto
Da|Inviato|A|Oggetto
Van|Verzonden|Aan|Onderwerp
Från|Skickat|Till|Ämne
Fra|Sendt|Til|Emne
Lähettäjä|Lähetetty|Vastaanottaja|Aihe
Od|Wysłano|Do|Temat
Od|Odesláno|Komu|Předmět
Feladó|Elküldve|Címzett|Tárgy
От|Отправлено|Кому|Тема
Від|Надіслано|Кому|Тема
Kimden|Gönderildi|Kime|Konu
发件人|发送时间|收件人|主题
差出人|送信日時|宛先|件名
보낸 사람|보낸 날짜|받는 사람|제목
""".strip().splitlines()

DEVICE_LINES = """
Sent from my iPhone
Sent from Outlook for Android
Sent from my Galaxy, please excuse my brevity.
Get Outlook for iOS
Gesendet von Mail für Windows
Von meinem iPhone gesendet
Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.
Envoyé de mon iPhone
Télécharger Outlook pour iOS
Enviado do meu iPhone
Enviado desde mi Samsung
Inviato da iPhone
Verstuurd vanaf mijn iPhone
Skickat från min iPhone
Sendt fra min iPad
Lähetetty iPhonesta
Wysłane z iPhone'a
Odesláno z iPhonu
Отправлено с iPhone
Надіслано з iPhone
iPhoneから送信
发自我的iPhone
나의 iPhone에서 보냄
iPhone'umdan gönderildi
""".strip().splitlines()

STAYS = [
    "Thanks,\nBob",
    "On Monday we start.\n\nOn the other hand: why not on Tuesday?",
    "Steps:\n\n1. open\n2. click\n\nExpected: nothing\nActual: crash\n\nDate: 2024-01-01",
    "From: the manual\nTo: the reader\n\nis how it begins.",
    "The log says\n\n2024-03-05 09:14:22 worker: failed:\n\n  ValueError: nope\n\nAny idea?",
    "This is what the server said on 2024-03-05 at 09:14:\n\n  HTTP 500\n\nThen it went away.",
    "The mail to bob@example.org on 2024-03-05 at 09:14 said:\n\n  550 no such user",
    "I wrote to bob@example.org:\n\nno answer so far.",
    "As Bob wrote on 5 March 2024 at 09:14:\n\nthis goes first. I still think so.",
    "It fails:\n\n---\nname: x\n---\n\nand then:\n\n***\n\nok",
    "I sent the file from my phone.\n\nI opened it in Outlook for Android.",
    "Which order?\n\n- one\n- two\n-Three",
    "Look at this:\n\n> the old text",
    "You say\n\n> the old text\n\nand also\n\n> another text\n\nwhich do you mean?",
    "> Nothing but a quote.",
    "a long paragraph\n--\n" + "another line of it\n" * 20 + "the end",
    "## Reply\n\nThe text above is mine.",
    "--- a/setup.py\n+++ b/setup.py\n@@ -1 +1 @@\n-import os\n+import sys",
    "Message: it works\nResult: good",
    "",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("body", [QUOTED, UNQUOTED], ids=["quoted", "unquoted"])
def test_a_quote_below_is_cut_with_its_attribution(attribution, body):
    text = f"{OWN}\n\n{attribution}\n\n{body}\n"
    trimmed = trim(text)
    assert trimmed.text == OWN
    assert trimmed.elided == f"{attribution}\n\n{body}"


@pytest.mark.parametrize("attribution", [line for line in ATTRIBUTIONS if " <" in line])
@pytest.mark.parametrize("broken", [" <\n", "\n<"], ids=["within", "before"])
def test_an_attribution_may_be_broken_at_its_bracket(attribution, broken):
    broken = attribution.replace(" <", broken, 1)
    assert trim(f"{OWN}\n\n{broken}\n\n{QUOTED}").text == OWN


def test_an_attribution_may_be_broken_before_its_last_word():
    attribution = "On Tue, Mar 5, 2024 at 9:14 AM Bob Ray <bob@example.org\n> wrote:"
    assert trim(f"{OWN}\n\n{attribution}\n\n{QUOTED}").text == OWN


def test_an_attribution_may_be_quoted_with_the_quote():
    assert trim(f"{OWN}\n\n> On 5 Mar 2024, at 09:14, Bob wrote:\n>\n{QUOTED}").text == OWN


def test_what_a_client_broke_off_a_quoted_line_is_quoted():
    long = "> " + "a long line " * 6
    assert trim(f"{OWN}\n\nBob wrote:\n{long}\nbroken off\n> by a client").text == OWN
    # An answer of one line between short quoted lines is none of that.
    assert "mine" in trim(f"{OWN}\n\nBob wrote:\n> one\nmine\n> two").text


def test_an_attribution_behind_the_answer():
    trimmed = trim(f"Yes.--- On Tue, Mar 5, 2024 at 9:14 AM, bob@example.org wrote:\n{QUOTED}")
    assert trimmed.text == "Yes."


@pytest.mark.parametrize("labels", HEADERS)
@pytest.mark.parametrize("form", ["{}: {}", "*{}:* {}", "**{}:** {}", "{} : {}", "{}：{}"])
@pytest.mark.parametrize("above", ["", "________________________________\n", "---\n\n"])
def test_a_copied_header_is_cut_with_what_follows(labels, form, above):
    values = "Bob <bob@example.org>", "Tuesday, 5 March 2024 09:14", "Ann <a@x.org>", "Re: Start"
    header = "\n".join(
        form.format(label, value) for label, value in zip(labels.split("|"), values, strict=True)
    )
    trimmed = trim(f"{OWN}\n\n{above}{header}\n\n{UNQUOTED}")
    assert trimmed.text == OWN
    assert trimmed.elided == f"{above}{header}\n\n{UNQUOTED}"


def test_a_header_on_top_is_what_the_author_sends_on():
    text = "From: Bob <bob@example.org>\nDate: 2024-03-05\nSubject: Start\n\nShall we?"
    assert trim(text).text == text


@pytest.mark.parametrize("text", STAYS)
def test_what_someone_wrote_stays(text):
    assert trim(text) == trimming.Trimmed(text, "")


@pytest.mark.parametrize("line", DEVICE_LINES)
def test_what_a_device_adds_is_cut(line):
    assert trim(f"{OWN}\n\n{line}").text == OWN
    assert trim(f"{OWN}\n\n{line}\n\n{ATTRIBUTIONS[0]}\n{QUOTED}").text == OWN


@pytest.mark.parametrize("mark", ["-- ", "--"])
def test_a_signature_is_cut(mark):
    assert trim(f"{OWN}\n{mark}\nAnn Lee\nexample.org").text == OWN
    assert trim(f"{OWN}\n\n{ATTRIBUTIONS[0]}\n{QUOTED}\n\n{mark}\nAnn Lee").text == OWN


def test_a_name_behind_a_dash_is_a_signature_of_plain_text():
    assert trim(f"{OWN}\n\n-Ann Lee").text == OWN
    assert trim(f"{OWN}\n\n-Ann Lee", is_html=True).elided == ""


@pytest.mark.parametrize(
    "footer",
    [
        "_______________________________________________\nweb mailing list\nweb@lists.example.org",
        "---\nTo unsubscribe from this group, see https://lists.example.org/web",
    ],
)
def test_the_footer_of_a_list_is_cut(footer):
    assert trim(f"{OWN}\n\n{footer}\n").text == OWN


@pytest.mark.parametrize(
    "marker",
    [
        "## Please type your reply above this line. ##",
        "--- Reply above. Do not remove this line. ---",
        "-- Bitte antworten Sie oberhalb dieser Zeile --",
        "== Répondez au-dessus de cette ligne ==",
    ],
)
def test_below_the_line_of_a_tracker_nothing_is_read(marker):
    assert trim(f"{OWN}\n\n{marker}\n\nOld").text == OWN


def test_below_our_own_marker_nothing_is_read():
    marker = "~ write above me ~"
    assert trim(f"{OWN}\n\n{marker}\nOld", marker=marker).text == OWN
    assert trim(f"{OWN}\n\n~ write\nabove me ~\nOld", marker=marker).text == OWN


def test_our_own_marker_tells_an_attribution_in_any_language():
    text = f"{OWN}\n\nBob cwbyw hyn:\n\n> ~ write above me ~\n> Old"
    assert trim(text, marker="~ write above me ~").text == OWN


SENT = "~ marker ~\n\nBob commented on the issue and asked whether\nwe start on Monday.\n\n-- \nWhy"


@pytest.mark.parametrize(
    "quoted",
    [
        SENT,
        "\n".join(f"> {line}" for line in SENT.split("\n")),
        """> ~ marker ~ Bob commented on the
> issue and asked whether we start
> on Monday.
> -- Why""",
    ],
    ids=["as it is", "quoted", "quoted and wrapped"],
)
def test_what_we_sent_is_cut_wherever_it_stands(quoted):
    above = trim(f"{OWN}\n\n{quoted}", sent=SENT)
    below = trim(f"{quoted}\n\n{OWN}", sent=SENT)
    between = trim(f"Hello,\n\n{quoted}\n\n{OWN}", sent=SENT)
    assert (above.text, below.text) == (OWN, OWN)
    assert between.text.replace("\n", "") == f"Hello,{OWN}".replace("\n", "")


def test_a_short_text_that_we_sent_is_not_searched_for():
    assert trim("Yes, thank you", sent="thank you").text == "Yes, thank you"


def test_a_bottom_post_loses_the_quote():
    assert trim(f"{ATTRIBUTIONS[0]}\n\n{QUOTED}\n\n{OWN}").text == OWN


def test_answers_between_quotes_keep_them():
    text = f"{ATTRIBUTIONS[0]}\n> One?\n\nYes.\n\n> Two?\n\nNo.\n\n> Three?\n"
    trimmed = trim(text)
    assert trimmed.text == "> One?\n\nYes.\n\n> Two?\n\nNo."
    assert trimmed.elided == f"{ATTRIBUTIONS[0]}\n> Three?"


def test_nothing_is_cut_in_a_fence():
    fenced = (
        f"Config:\n\n```\n{ATTRIBUTIONS[0]}\n{QUOTED}\n-- \nFrom: a@x.org\nDate: 2024-01-01\n```"
    )
    assert trim(f"{fenced}\n\n{ATTRIBUTIONS[0]}\n{QUOTED}").text == fenced


def test_an_open_fence_protects_nothing():
    assert trim(f"See ```\n\n```\n\n{ATTRIBUTIONS[0]}\n{QUOTED}").text == "See ```\n\n```"


FORWARD_LINE = "---------- Forwarded message ---------"
FORWARD = f"{FORWARD_LINE}\nFrom: Bob <b@x.org>\nSubject: Start\n\nShall we?"


def test_a_forward_is_cut_below_what_its_author_wrote():
    assert trim(f"{OWN}\n\n{FORWARD}").text == OWN
    assert trim(f"{OWN}\n\nBegin forwarded message:\n\n{QUOTED}").text == OWN


@pytest.mark.parametrize("own", ["", "FYI\n\n"])
def test_a_forward_stays_with_no_more_than_a_word_above(own):
    assert trim(own + FORWARD).text == own + FORWARD


@pytest.mark.parametrize(
    "below", [FORWARD, f"{FORWARD}\n\n-- \nBob", f"{ATTRIBUTIONS[0]}\n{QUOTED}"]
)
def test_forwards_and_quotes_stay_where_that_is_asked(below):
    assert trim(f"{OWN}\n\n{below}", keep_quotes=True).text == f"{OWN}\n\n{below}"


@pytest.mark.parametrize("below", ["-- \nAnn", "Sent from my iPhone"])
def test_a_signature_is_cut_where_quotes_stay(below):
    trimmed = trim(f"{OWN}\n\n{below}", keep_quotes=True)
    assert (trimmed.text, trimmed.elided) == (OWN, below)


def test_what_is_not_scanned_goes_with_what_stands_above():
    own = "word " * 10
    long = f"{own}\n" * 3_000
    assert trim(long).text == long.rstrip()
    quoted = f"{OWN}\n\n{ATTRIBUTIONS[0]}\n" + "> old line\n" * 10_000
    trimmed = trim(quoted)
    assert trimmed.text == OWN
    assert trimmed.elided.count("> old line") == 10_000


LINES = st.sampled_from(
    [
        "", "own words", "> quoted", ">> deeper", *ATTRIBUTIONS[:40:13], ATTRIBUTIONS[-1], "-- ",
        "--", "```", "~ marker ~", "From: b@x.org", "Date: 2024-03-05", "Subject: x",
        "Sent from my iPhone", "____________", "https://lists.example.org", "-Ann Lee",
        FORWARD_LINE, "wrote:", "see:", "> wrote:", *SENT.split("\n"),
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=30), st.booleans(), st.booleans(), st.booleans())
def test_no_line_is_lost(lines, is_html, keep_quotes, knows):
    trimmed = trim(
        "\n".join(lines),
        sent=SENT if knows else None,
        marker="~ marker ~" if knows else None,
        is_html=is_html,
        keep_quotes=keep_quotes,
    )
    kept = Counter(line.strip() for line in trimmed.text.split("\n"))
    cut = Counter(line.strip() for line in trimmed.elided.split("\n"))
    all_lines = Counter(line.strip() for line in lines)
    del all_lines[""], kept[""], cut[""]
    assert kept + cut == all_lines


@given(st.text(max_size=400), st.text(max_size=60), st.text(max_size=30))
def test_any_text_is_trimmed(text, sent, marker):
    trim(text, sent=sent, marker=marker)


@pytest.mark.parametrize(
    "unit",
    [
        "\n", "> \n", "a\n", "a: b\n", "a：\n", "From: b\n", "wrote:\n", "<\n>:\n", "--\n",
        "```\n", "-----\n", "On 2024-01-01 10:00 Bob <b@x.y> wrote:\n", "x On a On b On c:\n> x\n",
        "Sent via x\n\n", "---\nhttp://x list\n", "von a iphone ", "this message of my ", "<a@",
        "> x\ny\n", " \t", "2024-01-01 10:00 ", "- reply " + "a" * 100 + " -\n", "From: ", "*",
    ],
)  # fmt: skip
def test_twice_the_text_takes_twice_as_long(unit):
    """A text of the length that is scanned takes no more than half a second (MAIL.md §10).

    Half of that is reckoned with on a machine with nothing else to do, so what is held here is that
    no shape takes more than its length: what something else slows is in time when tried again.
    """

    def seconds(length):
        text = "own words\n\n" + unit * (length // len(unit))
        before = time.process_time()
        trim(text, sent=unit * 1_000, marker="~ marker ~")
        return time.process_time() - before

    whole = trimming.MAX_SCANNED
    assert any(seconds(whole) < 3 * seconds(whole // 2) + 0.05 for _try in range(5))
