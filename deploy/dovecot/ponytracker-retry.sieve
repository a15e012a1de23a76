# For sieve-filter, which cron runs over "Retry".
require ["vnd.dovecot.filter", "fileinto", "imap4flags", "mailbox"];
if filter "ponytracker" ["@/etc/dovecot/ponytracker.key"] {
  addflag "\\Seen"; fileinto :create "Done";
}
