# Hands mail for PonyTracker to it, and keeps in "Retry" what it could not take.
require ["vnd.dovecot.filter", "envelope", "fileinto", "imap4flags", "mailbox"];
if allof (
  envelope :domain :is "to" "{{ site.mail_domain }}",
  envelope :localpart :matches "to" ["{{ site.reply_name }}+*", "new+*", "bounce+*", "leave-*+*"]
) {
  if filter "ponytracker" ["@/etc/dovecot/ponytracker.key"] {
    addflag "\\Seen"; fileinto :create "Done";
  } else {
    fileinto :create "Retry";
  }
  stop;
}
