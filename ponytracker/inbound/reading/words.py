"""The words by which mail clients of many languages frame what they quote, forward and sign.

Only words of clients stand here, never of people; what can be told from the form of a line, such as
its date and its address, is told in ``framing.py`` without them.
"""

from __future__ import annotations

import re


def _one_of(words: str) -> str:
    """Return a pattern for any of *words*, which are separated by bars or new lines."""
    listed = sorted(set(_words(words)), reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in listed)


def _words(words: str) -> list[str]:
    return [word.strip() for word in re.split(r"[|\n]", words) if word.strip()]


WROTE = re.compile(
    r"(?<![^\W\d_])(?:"
    + _one_of(
        """
        wrote | writes | said | schrieb | schreibt | geschrieben | a écrit | a ecrit | écrit
        écrivait | escribió | escribio | va escriure | ha escrit | escreveu | ha scritto | scrive
        scritto | schreef | skrev | skreiv | skrifaði | kirjoitti | napisał | napisała
        napisał(a) | napisał/a | pisze | napsal | napsala | napsal(a) | napísal | napísala
        napísal(a) | napisao | napisala | írta | a scris | написал | написала | написал(а)
        написав | пише | пишет | написа | έγραψε | yazdı | yazmış | menulis | đã viết | viết
        rašė | parašė | kirjutas | rakstīja | shkroi | idatzi zuen | escribiu | Quoting
        Zitat von | Citando | Citation de | Citat från | Citat
        """
    )
    + r")(?![^\W\d_])"
    r"|写道|寫道|写到|のメッセージ|のメール|さんは書きました|書きました|作成|작성|כתב"
    r"|כתבה|كتب|เขียน|dixit|wrote",
    re.IGNORECASE,
)
"""What says that somebody wrote something."""

STARTER = re.compile(
    r"(?:(?:"
    + _one_of(
        """
        On | At | Am | Le | El | Em | Il | Op | Den | På | Pe | Pada | Vào | Dne | Dňa | Dana
        Dnia | W dniu | Tarihinde | Στις | Ngày | In data | Il giorno | A las | Em qua | Na
        Kuupäeval | Data | Az | Wiadomość
        """
    )
    + r")(?=[\s,.])|在|於|于|בתאריך|ב-|في )",
)
"""How an attribution begins that begins with the date."""

_FROM = """
    From | Von | De | Da | Van | Från | Fra | Od | От | Від | Lähettäjä | Gönderen | Kimden
    Feladó | Expéditeur | Mittente | Remitente | Remetente | Afzender | Avsändare | Afsender
    Nadawca | Odesílatel | Odosielateľ | De la | Expeditor | Από | Pengirim | Dari | Từ
    Absender | 差出人 | 送信者 | 发件人 | 寄件者 | 寄件人 | 發件人 | 보낸 사람 | 보낸사람
    מאת | من | จาก | Saatja | No | Nuo | Sūtītājs | Šalje | Pošiljatelj | Подател | Frá | Nork
    Remite | Sender | Šiuntėjas
"""
_DATE = """
    Date | Sent | Datum | Gesendet | Envoyé | Envoyée | Envoye | Data | Fecha | Enviado
    Enviado el | Enviado em | Enviada | Enviada em | Inviato | Verzonden | Skickat | Skickade
    Sendt | Dato | Wysłano | Wysłane | Odesláno | Odoslané | Отправлено | Дата | Надіслано
    Päiväys | Lähetetty | Päivämäärä | Tarih | Gönderilme Tarihi | Gönderildi | Elküldve
    Dátum | Küldve | Trimis | Ημερομηνία | Στάλθηκε | Tanggal | Dikirim | Ngày | Đã gửi | 日付
    送信日時 | 日時 | 时间 | 時間 | 日期 | 发送时间 | 發送時間 | 寄件日期 | 发送日期
    傳送時間 | 날짜 | 보낸 날짜 | 보낸날짜 | תאריך | נשלח | التاريخ | วันที่ | Saadetud
    Kuupäev | Sent on | Sent at | Изпратено | Poslano | Poslato | Datum slanja | Data de envio
    Erstellt | Sendes | Date d'envoi | Enviat | Datums | Gesendet am
"""
_TO = """
    To | An | À | A | Para | Per | Aan | Naar | Till | Til | Do | Komu | Кому | До
    Vastaanottaja | Alıcı | Kime | Címzett | Către | Προς | Kepada | Đến | Untuk
    Destinataire | Destinatario | Destinatário | Empfänger | Mottagare | Modtager | Mottaker
    宛先 | 收件人 | 收件者 | 받는 사람 | 받는사람 | אל | إلى | ถึง | Saaja | За | Prima | Kam
    Nori | Cc | CC | Kopie | Kopia | Copie | Copia | Cópia | Копия | Копія | Kopio | Kopi
    Másolat | Bilgi | 抄送 | 副本 | 참조 | Reply-To | Répondre à | Bcc | Antwort an
    Responder a | Rispondi a | Risposta | Organization | Organisation | Versand | Antworten an
    Adressat | Antwoord aan | Reply to | Dla | DW | UDW
"""
_SUBJECT = """
    Subject | Betreff | Objet | Sujet | Asunto | Assunto | Oggetto | Onderwerp | Ämne | Emne
    Temat | Předmět | Predmet | Тема | Aihe | Otsikko | Konu | Tárgy | Subiect | Subiectul
    Θέμα | Subjek | Perihal | Chủ đề | Tiêu đề | 件名 | 主题 | 主旨 | 主題 | 标题 | 제목
    נושא | الموضوع | เรื่อง | Teema | Tēma | Tema | Относно | Efni | Assumpte | Gaia | Betr
    Betrifft | Re
"""


LABELS = {
    word.casefold(): kind
    for kind, words in (("subject", _SUBJECT), ("to", _TO), ("date", _DATE), ("from", _FROM))
    for word in _words(words)
}
"""What each label of a header field means, by the label in lower case."""

LABEL_IN_A_LINE = _one_of("|".join((_FROM, _DATE, _SUBJECT, "To | Cc | Para | Aan | An")))
"""The labels that one after the other in a line make a header of that one line."""

MESSAGE = re.compile(
    r"message|nachricht|mensaje|mensagem|messaggio|missatge|bericht|meddelande|meddelelse|besked"
    r"|melding|skilaboð|viesti|wiadomoś|zpráv|správ|üzenet|mesaj|ileti|poruk|sporočil|сообщени"
    r"|повідомлен|письмо|лист|съобщение|μήνυμα|邮件|郵件|信件|メッセージ|메시지|메일|رسالة"
    r"|הודעה|pesan|thư"
    r"|\be-?mail\b|\bmail\b|courriel|correo|correio|sõnum|žinut|ziņ|mesazh",
    re.IGNORECASE,
)
"""What clients call the mail that they quote, between two rows of dashes."""

ORIGINAL = re.compile(
    r"orig|ursprung|ursprüng|initial|oprindelig|opprinnelig|alkuperäinen|antwort|původní|pôvodn"
    r"|eredeti|исходн|оригин|первонач|початков|αρχικ|原始|原邮件|元の|원본|previous|quoted|asli"
    r"|gốc|özgün"
    r"|vastus|izvorn|algne|reply|réponse|respuesta|resposta|risposta|antwoord|svar|citat",
    re.IGNORECASE,
)

FORWARDED = re.compile(
    r"forward|weitergeleitet|transfér|transmis|réexpédi|reenviad|encaminhad|inoltrat|reexpedi"
    r"|doorgestuurd|doorgezonden|vidarebefordra|videresend|videresendt|edelleenlähet|välitet"
    r"|przekazan|přeposlan|preposlan|továbbít|iletilen|iletildi|перес[ыл]|переадрес|προωθ|转发"
    r"|轉寄"
    r"|轉發|転送|전달|redirecționat|proslijeđen|posredovan|chuyển tiếp|diteruskan|edastatud",
    re.IGNORECASE,
)
"""What clients write above a mail that is forwarded."""

FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,60}\]\s*)?(?:fwd?|fw|wg|tr|rv|enc|i|vl|vs|vb|doorst|pd|továbbítás|ilt|转发|轉寄|転送)"
    r"\s?[:：]",
    re.IGNORECASE,
)

REPLY_ABOVE = re.compile(
    r"(?:reply|type|write|respon[ds]|antwort|schreib|répon|repond|écri|respond|escrib|responda"
    r"|escrev|rispond|scriv|antwoord|typ|svar|skriv|odpow|napisz|odpov|vasta|kirjoit|ответ|пиш"
    r"|відпов|cevap|yanıt|yaz|返信|回复|回覆|답장|válasz|răspund)"
    r".{0,60}?(?:above|over this line|oberhalb|über dies|au-dessus|ci-dessus|encima|arriba|acima"
    r"|sopra|boven|ovanför|över denn|over denne|ovenfor|powyżej|nad t[ou]|yläpuol|выше|вище|üst|上"
    r"|위에|fölé|deasupra)|(?:上|위에).{0,20}(?:返信|回复|回覆|답장)",
    re.IGNORECASE,
)
"""A tracker's line under which nothing is read."""

_SENT = (
    r"sent|envoyé|envoyée|envoye|gesendet|verschickt|verzonden|verstuurd|enviado|enviada|enviat"
    r"|inviato|inviata|skickat|skickades|sendt|lähetetty|wysłan[eoay]|odesláno|odoslané|elküldve"
    r"|küldve|trimis|отправлено|отправлена|отослано|надіслано|відправлено|изпратено|gönderildi"
    r"|στάλθηκε|poslano"
    r"|poslato|dikirim|được gửi|saadetud|发自|發自|发送自|發送自|傳送|发送|送信|보냄|보냈습니다"
    r"|נשלח|أرسلت"
)
_DEVICE = (
    r"iphon|ipad|ipod|apple watch|android|blackberry|mobil|mobile|mobiltelefon|mobilger|smartphone"
    r"|cell|handy|phone|phones|téléphone|telefon|teléfono|telefone|telefono|telefoon|tablet"
    r"|tablette"
    r"|samsung|galaxy|htc|nokia|lumia|huawei|xiaomi|redmi|oneplus|motorola|sony|xperia|pixel"
    r"|windows"
    r"|outlook|yahoo|gmail|mailbox|airmail|proton|thunderbird|k-9|fairemail|spark|gmx|web\.de"
    r"|t-online|zimbra|zoho|hushmail|tutanota|superhuman|newton|mailspring|aquamail|bluemail"
    r"|edison"
    r"|sparrow|mac|desktop|яндекс|device|gerät|appareil|dispositivo|dispositiu|mobilen|телефон"
    r"|смартфон"
)
_MY = (
    r"my|meine[mnr]?|mon|ma|mi|mio|mia|meu|minha|mijn|min|mitt|mojego|mojej|mého|môjho|моего|моєї"
    r"|мого"
)
_BY = (
    r"from|via|with|using|by|von|vom|aus|mit|met|vanaf|van|från|med|fra|frå|da|dal|dalla|del|desde"
    r"|do|de|depuis|à partir|avec|con|com|iz|z|ze|s|с|из|из-под|от|з|із|від|din|de pe|από|из моего"
)
_GET = (
    r"get|download|install|obtenir|obtenez|télécharger|téléchargez|obtener|obtenga|obtén|descargar"
    r"|obter|obtenha|baixar|scarica|scaricare|ottieni|download|downloaden|hämta|hent|få|skaff"
    r"|last ned"
    r"|hanki|pobierz|získat|stáhnout|získať|скачать|получить|скачайте|завантажити|отримати|获取"
    r"|取得"
    r"|holen sie sich|laden sie|beziehen sie|nabavite|szerezze be|descarregar|obțineți"
)
SENT_BY_DEVICE = re.compile(
    # A line of its own that a client adds, with nothing of a sentence around it.
    r"sent (?:from|via|with|using)\b[^?,]{1,70}"
    r"(?:[,.].{0,40}\b(?:excuse|brevity|typo|short).{0,40})?"
    rf"|(?:{_SENT})\s(?:{_BY})\b.{{0,40}}?(?:{_DEVICE}).{{0,60}}"
    r"|(?:lähetetty|elküldve|küldve|saadetud|发自|發自|发送自|發送自)\s?.{0,12}?"
    rf"(?:{_DEVICE}).{{0,60}}"
    rf"|(?:(?:{_BY})\s|[从從自]).{{0,40}}?(?<![^\W_])(?:{_DEVICE}).{{0,40}}?(?:{_SENT}).{{0,10}}"
    rf"|\S{{1,12}}\s(?:\S{{1,4}}\s)?(?:{MESSAGE.pattern})\b.{{0,60}}?\b(?:{_MY})\s.{{0,60}}?"
    rf"(?:{_DEVICE}).{{0,60}}"
    rf"|(?:나의\s)?(?:{_DEVICE}).{{0,20}}(?:에서|から|dan|den|'dan|'den|imdan|ımdan|umdan|ümden)\s?"
    rf"(?:{_SENT}).{{0,10}}"
    rf"|.{{0,8}}?(?:{_GET})\W{{1,3}}outlook\b.{{0,80}}"
    r"|outlook (?:für|for) \w{2,10} (?:beziehen|herunterladen|holen)\b.{0,60}",
    re.IGNORECASE,
)
"""What a telephone or program adds below a mail."""

PERHAPS_BY_DEVICE = re.compile(
    rf"(?:\w{{1,20}} )?from (?:my )?(?:{_DEVICE})\w{{0,3}}\b.{{0,20}}", re.IGNORECASE
)
"""What is such a line only beside another."""

LIST_FOOTER = re.compile(
    r"mailing[ -]?list|maillist|mailman|listinfo|unsubscribe|subscribed|abmelde|abbestell|désabonn"
    r"|desuscrib|cancelar|disiscriv|afmelden|uitschrijven|lista de|liste de|lijst|group[s]?\b"
    r"|avregistrera|отпис|wypisz|グループ|退订",
    re.IGNORECASE,
)
"""What the lines say that a mailing list adds below a mail."""

AUTO_REPLY_SUBJECT = re.compile(
    r"\s*(?:"
    + _one_of(
        """
        auto reply | auto-reply | autoreply | auto response | auto-response | autoresponse
        auto: | automatic reply | automatic response | automated reply | automated response
        out of office | out-of-office | out of the office | ooo: | vacation reply
        vacation response | away from | on vacation | on holiday | on leave | i am out of
        i'm out of | absence: | automatische antwort | automatische antwoord
        automatisch antwoord | automatisk svar | automatiskt svar | autosvar | abwesenheit
        abwesenheitsnotiz | abwesenheitsnachricht | abwesenheitsmeldung | abwesenheitsassistent
        abwesend | ich bin nicht im büro | nicht im büro | réponse automatique
        reponse automatique | absence du bureau | absent du bureau | respuesta automática
        respuesta automatica | fuera de la oficina | ausente: | resposta automática
        resposta automatica | ausência temporária | fora do escritório | risposta automatica
        fuori sede | fuori ufficio | assente dall'ufficio | afwezig | niet op kantoor
        odpowiedź automatyczna | automatyczna odpowiedź | poza biurem | nieobecność
        automatická odpověď | automatická odpoveď | mimo kancelář | frånvaro | fravær
        automaattinen vastaus | poissaolo | автоответ | автоматический ответ
        автоматична відповідь | automatikus válasz | răspuns automat | otomatik yanıt
        αυτόματη απάντηση | resposta automàtica | automatski odgovor | samodejni odgovor
        automātiska atbilde | automaatvastus | 自动回复 | 自動回覆 | 自动答复 | 自動返信
        自動応答 | 不在通知 | 자동 회신 | 자동 응답 | 부재중 | מענה אוטומטי | الرد التلقائي
        trả lời tự động | balasan otomatis
        """
    )
    + r")(?:\s*[:：\]\-–(]|\s+(?:auto|reply|re:|from|message|notice|notification|bis|until|til)"
    r"|\s*$|(?<=:))",
    re.IGNORECASE,
)
"""How the subject of an automatic answer begins."""

BOUNCE_SUBJECT = re.compile(
    r"\s*(?:re:\s*)?(?:\W{0,3})(?:"
    + _one_of(
        """
        undeliver | undelivered mail | undeliverable | returned mail | mail returned
        failure notice | delivery status notification | delivery notification
        delivery failure | delivery failed | delivery has failed | mail delivery failed
        mail delivery failure | mail delivery problem | mail delivery system
        message delivery failure | mail system error | nondeliverable | non delivery
        non-delivery | message undeliverable | email undeliverable | delivery report
        failure delivery | failed delivery | mail failed | mail failure | delayed mail
        delivery delayed | warning: could not send | warning: message
        permanent delivery failure | mail could not be | message could not be delivered
        delivery error | mail not delivered | email not delivered | unzustellbar
        nicht zustellbar | unzustellbarkeit | zustellung fehlgeschlagen | échec de la remise
        non remis | non remis : | echec de remise | message non distribué
        no se puede entregar | correo devuelto | mensaje no entregado | error de entrega
        não entregue | falha na entrega | mancato recapito | impossibile recapitare
        non recapitabile | onbestelbaar | niet bezorgd | olevererbart | kunde inte levereras
        kan ikke leveres | niedostarczon | zwrot poczty | nedoručiteln | недоставлен
        не доставлен | невозможно доставить | 配信不能 | 配信エラー | 配送失败 | 退信
        传递状态通知 | 無法傳遞 | 배달 실패 | 전송 실패 | complaint about message
        abuse report | spam report | email feedback report
        """
    )
    + ")",
    re.IGNORECASE,
)
"""How the subject of a report begins that says what became of a mail."""
