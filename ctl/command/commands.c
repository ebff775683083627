/* The commands: parsing, help, completion and the man page are made from this table and the API's. */
#include "ctl/command/commands.h"

#include "ctl/command/cmd.h"

/* clang-format off */
#define WAIT_FIELDS \
	{ .name = "noWait", .type = API_BOOL, .help = "do not wait; certd continues" }, \
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", \
		.fallback = "10m" }
#define TAKE_FILES \
	{ .name = "force", .type = API_BOOL, .help = "also take away files that a consumer still has" }
#define DRY_RUN \
	{ .name = "dryRun", .type = API_BOOL, .help = "show the effect without making the change" }
/* clang-format on */

static const struct api_field wait_options[] = { WAIT_FIELDS, { .name = NULL } };
static const struct api_field rehearse_options[] = { { .name = "staging",
							     .type = API_STRING,
							     .metavar = "URL",
							     .fallback = "that of the CA, if it is well-known",
							     .help = "ACME directory of the staging environment" },
	WAIT_FIELDS, { .name = NULL } };
static const struct api_field add_options[] = { WAIT_FIELDS, DRY_RUN, { .name = NULL } };
static const struct api_field add_auto_options[] = { WAIT_FIELDS, TAKE_FILES, DRY_RUN, { .name = NULL } };
static const struct api_field change_options[] = { DRY_RUN, { .name = NULL } };
static const struct api_field events_options[] = {
	{ .name = "follow", .type = API_BOOL, .help = "-f: keep printing new events" },
	{ .name = NULL },
};

static const struct api_field register_options[] = {
	{ .name = "server",
		.type = API_STRING,
		.metavar = "URL",
		.fallback = "letsencrypt",
		.help = "URL of the ACME directory, or a well-known name" },
	{ .name = "agreeTos", .type = API_BOOL, .help = "accept the CA's terms of service" },
	{ .name = "name",
		.type = API_STRING,
		.metavar = "NAME",
		.fallback = "from the server",
		.help = "name of the provider" },
	{ .name = "accountKey",
		.type = API_SECRET,
		.flags = API_FILE,
		.metavar = "FILE",
		.fallback = "a new one",
		.help = "private key of an existing account, PEM or JWK (private_key.json of certbot)" },
	{ .name = "caFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "root certificates (PEM) for TLS connections to the CA",
		.fallback = "the system's" },
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", .fallback = "10m" },
	{ .name = NULL },
};
static const struct api_field authorize_options[] = {
	{ .name = "provider",
		.type = API_REF,
		.resource = "provider",
		.metavar = "PROVIDER",
		.help = "CA account that validates the name",
		.fallback = "the only one" },
	{ .name = "challenge",
		.type = API_ENUM,
		.values = api_authorization_challenges,
		.help = "manual: a record for one certificate; dns-persist-01: one for all that follow",
		.fallback = "manual" },
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", .fallback = "10m" },
	{ .name = NULL },
};
static const char *const cert_types[] = { "fullchain", "chain", "cert", NULL };
static const struct api_field env_options[] = {
	{ .name = "certType",
		.type = API_ENUM,
		.values = cert_types,
		.fallback = "fullchain",
		.help = "content of the variable that ends in _CERTIFICATE" },
	{ .name = NULL },
};
static const struct api_field get_options[] = {
	{ .name = "certType",
		.type = API_ENUM,
		.values = cert_types,
		.fallback = "fullchain",
		.help = "file whose path is printed at the end" },
	{ .name = "secretName",
		.type = API_STRING,
		.metavar = "NAME",
		.fallback = "from the first name",
		.help = "name of the auto-certificate and of its directory" },
	{ .name = "provider",
		.type = API_REF,
		.resource = "provider",
		.metavar = "PROVIDER",
		.help = "CA account that issues the certificate",
		.fallback = "the only one" },
	{ .name = "force", .type = API_BOOL, .help = "ask the CA even if certd does not see the records" },
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", .fallback = "10m" },
	{ .name = NULL },
};

static const struct api_field status_options[] = {
	{ .name = "check", .type = API_BOOL, .help = "print one line; the exit status is that of a monitoring plugin" },
	{ .name = NULL },
};
static const char status_notes[] =
	"With --check the exit status is 0 if all is well, 1 for a warning, 2 if a certificate is missing or\n"
	"has expired or certd cannot store its state, and 3 if certd does not answer.\n"
	"\n"
	"  certctl status\n"
	"  certctl status --check\n";
static const struct api_field reissue_options[] = {
	{ .name = "status", .type = API_BOOL, .help = "show how far it is" },
	{ .name = NULL },
};
static const char reissue_notes[] =
	"The selection is shown first. certd then orders the certificates, those that expire first before the\n"
	"others, evenly at the rate and within the limits of the CA. Auto-certificates that are paused are not\n"
	"touched. A reissue continues after a restart. See REISSUE in certd(8).\n"
	"\n"
	"  certctl reissue --intermediate R10 --dry-run\n"
	"  certctl reissue --all --new-keys --rate 100\n"
	"  certctl reissue --status\n";
static const struct api_field ct_options[] = {
	{ .name = "acknowledge",
		.type = API_STRING,
		.metavar = "FINDING",
		.help = "it was ordered by somebody of yours: end the alert about it" },
	{ .name = NULL },
};
static const char ct_notes[] =
	"certd looks for them if ct-source is set in certd.conf(5). A CA that others may use is declared there in\n"
	"ct-known-issuers.\n"
	"\n"
	"  certctl ct\n";

static const char forecast_notes[] =
	"The forecast applies certd's rules for renewal to the lifetime of each certificate, and shortens it\n"
	"from the dates on which its CA announced shorter ones. It assumes that each order succeeds at once.\n"
	"\n"
	"  certctl forecast --days 400\n";
static const char rollover_notes[] =
	"Orders that run are finished before. The account, its URL and its authorizations stay. certd keeps\n"
	"both keys until the CA has confirmed, and continues after a restart. The new key has another thumbprint,\n"
	"which servers that answer http-01 by themselves (http-stateless in certd.conf(5)) need at once.\n"
	"\n"
	"  certctl rollover le\n";
static const char deactivate_notes[] =
	"The CA never activates the account again. Certificates stay valid until they expire or are revoked.\n"
	"\n"
	"  certctl deactivate old-ca\n"
	"  certctl rm provider old-ca\n";
static const char revoke_notes[] =
	"The replacement is ordered and deployed first, without --now. A key that was revoked for\n"
	"keyCompromise is never used again: neither by reuseKey nor by an import. Without --by-key, the\n"
	"account that issued the certificate signs the request. An auto-certificate stands for its newest\n"
	"certificate.\n"
	"\n"
	"  certctl revoke www.example.com --reason superseded\n";
static const struct api_field import_provider_options[] = {
	{ .name = "passphraseFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "passphrase of the file",
		.fallback = "prompt" },
	{ .name = "name",
		.type = API_STRING,
		.metavar = "NAME",
		.help = "name of the provider",
		.fallback = "as it was exported" },
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", .fallback = "10m" },
	{ .name = NULL },
};
static const char export_provider_notes[] =
	"The file contains the properties, the external account binding and the account key. Keep it and\n"
	"the passphrase in different places. Requires the role admin, and is recorded as an event.\n"
	"\n"
	"  certctl export-provider le --passphrase-file phrase --out le.sealed\n";
static const char backup_notes[] =
	"The file has mode 0600 and contains everything that certd needs on another host, the master key\n"
	"included. Keep it and the passphrase in different places. certd --restore makes a store from it:\n"
	"see certd(8). Requires the role admin, and is recorded as an event.\n"
	"\n"
	"  certctl backup certd.backup --passphrase-file phrase\n";
static const char rekey_notes[] =
	"certd rewrites the store while it runs; until that is finished either key opens it. A master key\n"
	"outside the state directory is made and installed by the operator: see KEYS in certd(8).\n"
	"Requires the role admin.\n"
	"\n"
	"  certctl rekey --master-key-file new-key\n";
static const char import_provider_notes[] =
	"Waits until the CA has confirmed the account. To test a file, import it under another name.\n"
	"\n"
	"  certctl import-provider le.sealed --passphrase-file phrase --name le-test\n";
static const char new_account_notes[] =
	"A deactivated account is of no use any more, and neither is its key. The provider gets a new key\n"
	"and registers it; its auto-certificates keep their files and schedules. CAA and TXT records that\n"
	"name the former account must be changed.\n";
static const char register_notes[] =
	"Has no effect if this address (with --name, this provider) is already registered with the\n"
	"server.\n"
	"\n"
	"  certctl register you@example.com --agree-tos\n";
static const char authorize_notes[] =
	"Prints the TXT record that validates the name. Publish it at any time: certd remembers it. With\n"
	"dns-persist-01, which few CAs offer yet, one record stays and serves all renewals.\n"
	"\n"
	"  certctl authorize api.example.com\n"
	"  certctl authorize *.example.com --challenge dns-persist-01\n";
static const char get_notes[] =
	"Gets a certificate for names that were authorized. The first name is the common name. If the\n"
	"CA wants further records, they are printed: publish them and run the same command again.\n"
	"certd starts renewals by itself; an event names the records that the CA wants.\n"
	"\n"
	"  certctl get api.example.com\n"
	"  certctl get example.com www.example.com --secret-name SSL_CERT_WEB\n";
static const struct api_field audit_options[] = {
	{ .name = "verify", .type = API_BOOL, .help = "check that every record is present and unaltered" },
	{ .name = "known",
		.type = API_STRING,
		.metavar = "NUMBER:HASH",
		.help = "verify, and check that this record has this hash, as logged by certd" },
	{ .name = NULL },
};

static const struct api_field import_options[] = {
	{ .name = "name",
		.type = API_STRING,
		.metavar = "NAME",
		.help = "name of the certificate",
		.fallback = "common name and time; with --replace, the name of the old certificate" },
	{ .name = "cert",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "certificate (PEM, DER, PKCS#7); the file may also contain chain and key" },
	{ .name = "chain", .type = API_PATH, .metavar = "FILE", .help = "issuers (PEM, DER, PKCS#7), in any order" },
	{ .name = "key", .type = API_PATH, .metavar = "FILE", .help = "private key (PEM, DER)" },
	{ .name = "pkcs12", .type = API_PATH, .metavar = "FILE", .help = "PKCS#12 file, instead of the options above" },
	{ .name = "passwordFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "password of the key or PKCS#12 file",
		.fallback = "prompt" },
	{ .name = "replace",
		.type = API_REF,
		.resource = "certificate",
		.metavar = "NAME",
		.help = "imported certificate to replace; the new one takes over its files, consumers, "
			"labels and name" },
	{ .name = "allowExpired", .type = API_BOOL, .help = "accept a certificate that is not valid now" },
	{ .name = "allowUnfit",
		.type = API_BOOL,
		.help = "store a certificate that servers or clients would refuse, without deploying it" },
	{ .name = "deployAnyway", .type = API_BOOL, .help = "with --allow-unfit: deploy it all the same" },
	{ .name = "consumers",
		.type = API_REFLIST,
		.resource = "consumer",
		.option = "consumer",
		.metavar = "CONSUMER",
		.help = "consumer of the certificate" },
	{ .name = "labels", .type = API_STRLIST, .option = "label", .metavar = "LABEL", .help = "word or KEY=VALUE" },
	TAKE_FILES,
	DRY_RUN,
	{ .name = "noWait", .type = API_BOOL, .help = "do not wait; certd continues" },
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "maximum time to wait", .fallback = "10m" },
	{ .name = NULL },
};
static const struct api_field export_options[] = {
	{ .name = "out",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "write to this file, with mode 0600",
		.fallback = "standard output" },
	{ .name = NULL },
};
static const struct api_field show_options[] = {
	{ .name = "thumbprint",
		.type = API_BOOL,
		.help = "of a provider, print only the thumbprint of its account key, for http-stateless" },
	{ .name = NULL },
};
static const struct api_field rm_options[] = {
	{ .name = "withCertificates", .type = API_BOOL, .help = "also delete the certificates of an auto-certificate" },
	TAKE_FILES,
	DRY_RUN,
	{ .name = NULL },
};

static const char import_notes[] =
	"Waits until the files are written and the consumers are notified. The order of the chain is\n"
	"corrected. A key that does not belong to the certificate, an incomplete chain and unrelated\n"
	"certificates are refused. certd cannot renew the certificate and warns 30, 14, 7, 3 and 1\n"
	"days before it expires, unless an auto-certificate of the same name adopts it.\n"
	"\n"
	"  certctl import --name shop --cert shop.pem --chain intermediate.pem --key shop.key --consumer "
	"nginx\n"
	"  certctl import --replace shop --pkcs12 shop-2027.p12\n";
static const char export_notes[] =
	"NAME is a certificate, or an auto-certificate, whose newest certificate is exported.\n"
	"Exporting a key requires the role admin, is recorded as an event, and is refused if the\n"
	"output is a terminal.\n"
	"\n"
	"  certctl export www.example.com > fullchain.pem\n"
	"  certctl export shop --format pkcs12 --key --password-file pw --out shop.p12\n";
static const char env_notes[] =
	"Prints three variables, named after the common name with '_' for every character except\n"
	"letters and digits: LE_CERTIFICATE_www_example_com_PRIVATE_KEY, _CERTIFICATE (with its\n"
	"chain) and _BUNDLE (both). Requires the role admin.\n"
	"\n"
	"  eval \"$(certctl env www.example.com)\"\n";
static const char exec_notes[] =
	"Sets the same variables as env. Where Kontena's names differ (it replaced only the first\n"
	"'.'), it sets those too. Requires the role admin.\n"
	"\n"
	"  certctl exec www.example.com -- /usr/local/bin/balancer\n";

static const char add_auto_notes[] =
	"Waits until the certificate is issued, its files are written and its consumers are notified.\n"
	"An imported certificate with the same name and the same domains is adopted: it is renewed\n"
	"when it is due, and its files stay where they are.\n"
	"\n"
	"  certctl add-auto --provider le --cn *.example.com\n"
	"  certctl add-auto --provider le --cn www.example.com --san example.com --consumer nginx\n";
static const char add_provider_notes[] =
	"Waits until the account is registered. certctl(1) lists the well-known servers.\n"
	"\n"
	"  certctl add-provider --name le --server letsencrypt --email you@example.com --agree-tos\n";
static const char add_dns_notes[] =
	"DNS SERVICES in certctl(1) lists the kinds with their settings.\n"
	"\n"
	"The TSIG key file is the output of tsig-keygen (BIND) or keymgr -t (Knot); name and\n"
	"algorithm are read from it. K*.private files of dnssec-keygen need --tsig-name.\n"
	"\n"
	"A program of kind exec is called as the hooks of the client that --convention names:\n"
	"lego PROGRAM present|cleanup OWNER. VALUE; lego-raw (EXEC_MODE=RAW) PROGRAM present|cleanup\n"
	"-- DOMAIN TOKEN KEYAUTH; dehydrated PROGRAM deploy_challenge|clean_challenge DOMAIN TOKEN\n"
	"VALUE; uacme PROGRAM begin|done dns-01 DOMAIN TOKEN VALUE, also in UACME_METHOD and so on;\n"
	"certbot PROGRAM with CERTBOT_DOMAIN and CERTBOT_VALIDATION in its environment, and\n"
	"--cleanup-command to remove the record; acme.sh PROGRAM is dnsapi/dns_NAME.sh of an\n"
	"installed acme.sh. Exit status 0 means success.\n"
	"\n"
	"With --kind acmedns and without the credentials of an account, certd registers one at --endpoint\n"
	"and prints the CNAME to publish.\n"
	"\n"
	"  certctl add-dns --name ns1 --kind rfc2136 --server 127.0.0.1:53 --tsig-key-file ddns.key --zone "
	"example.com\n"
	"  certctl add-dns --name hook --kind exec --command /usr/local/bin/dns-hook\n"
	"  certctl add-dns --name pdns --kind exec --convention acme.sh --command /opt/acme.sh/dnsapi/dns_pdns.sh\n"
	"  certctl add-dns --name ionos --kind ionoscloud --token-file ionos.token\n";
static const char check_notes[] =
	"Checks without an order: the account, the profile, files, DNS, CAA records, the zone at the DNS\n"
	"provider, and the answer of port 80. certd does the same once a day. Exit status as status --check:\n"
	"0 no trouble, 1 a warning, 2 blocked.\n"
	"\n"
	"  certctl check www.example.com\n";
static const char rehearse_notes[] =
	"Validates the same names in the same way, with the same kind of key and profile, and throws the\n"
	"certificate away. The certificate in use, its renewal and the CA's rate limits are not touched. The\n"
	"first rehearsal declares a provider for the staging environment, with the e-mail address of the\n"
	"auto-certificate's provider and its agreement to the terms of service, and keeps it.\n"
	"\n"
	"  certctl rehearse www.example.com\n"
	"  certctl rehearse www.example.com --staging https://acme.example/staging/directory\n";
static const char doctor_notes[] = "Exit status as status --check: 0 no trouble, 1 a warning, 2 blocked.\n"
				   "\n"
				   "  certctl doctor\n";
static const char check_dns_notes[] =
	"No CA is involved. Prints a line for each name server of the zone, and fails with the first step\n"
	"that does. It takes up to 25 seconds; certd removes the record even if it ends meanwhile.\n"
	"\n"
	"  certctl check-dns ionos www.example.com\n";
static const char add_consumer_notes[] =
	"certd runs a program of kind exec as its own user in its sandbox, so the program cannot reload a\n"
	"service of the system. Kind unit does: systemd tests the server's configuration and reloads the\n"
	"server. There are units for nginx, HAProxy, Apache, Postfix, Dovecot and PostgreSQL; for others and\n"
	"for hosts without D-Bus see UNITS in certd(8).\n"
	"\n"
	"  certctl add-consumer --name nginx --activate unit --unit certd-nginx.service --probe 127.0.0.1:443\n"
	"  certctl add-consumer --name mail --activate unit --unit certd-reload-postfix.service\n"
	"  certctl add-consumer --name app --activate notify --notify-socket /run/app/notify\n"
	"  certctl add-consumer --name app --activate exec --command /usr/local/bin/deploy-app\n"
	"  certctl add-consumer --name apps --activate exec --batch --command /usr/local/bin/deploy-app\n"
	"  certctl add-consumer --name mail --directory /etc/mail/tls --file key:{name}.key:0640 \\\n"
	"      --file fullchain:{name}.crt\n"
	"  certctl add-consumer --name web --directory /etc/letsencrypt --layout certbot\n"
	"  certctl add-consumer --name app --activate signal --pid-file /run/app/app.pid\n"
	"  systemctl enable --now certd-reload@postfix.path\n";
static const char add_alert_notes[] =
	"The URL of a webhook is read from a file, because that of Slack and others is a password. certd\n"
	"keeps messages until the destination has accepted them, and sends another one when the condition\n"
	"has ended. Test it with: certctl alert test NAME\n"
	"\n"
	"  certctl add-alert --name chat --kind webhook --template slack --url-file slack.url\n"
	"  certctl add-alert --name ops --kind mail --to ops@example.com --server mail.example.com \\\n"
	"      --user certd --password-file smtp.password\n"
	"  certctl add-alert --name page --kind command --command /usr/local/bin/page --minimum-severity critical\n";
static const char add_token_notes[] =
	"The token is printed only once; certd stores its hash. Clients send it as: Authorization:\n"
	"Bearer TOKEN\n"
	"\n"
	"  certctl add-token --name ci --role operator --expires 90d > ci.token\n";
static const char *const dump_formats[] = { "yaml", "json", NULL };
static const struct api_field dump_options[] = {
	{ .name = "format",
		.type = API_ENUM,
		.values = dump_formats,
		.fallback = "yaml",
		.help = "format of the file" },
	{ .name = NULL },
};
static const struct api_field apply_options[] = {
	{ .name = "file",
		.type = API_STRING,
		.metavar = "FILE",
		.help = "-f: the declarations, YAML or JSON; - is standard input" },
	{ .name = "prune", .type = API_BOOL, .help = "delete objects that are missing in the file's collections" },
	TAKE_FILES,
	{ .name = "dryRun", .type = API_BOOL, .help = "show the changes without making them" },
	{ .name = NULL },
};
static const struct api_field migrate_options[] = {
	{ .name = "keepFiles",
		.type = API_BOOL,
		.help = "let certd write the files of the client, so that servers can go on reading them" },
	{ .name = "email",
		.type = API_STRING,
		.metavar = "ADDRESS",
		.help = "address of an account whose files do not have it (certbot, uacme)" },
	{ .name = "server",
		.type = API_STRING,
		.metavar = "URL",
		.help = "CA of an account whose files do not have it (lego, uacme): a URL, or a well-known name" },
	{ .name = "caFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "root certificates (PEM) for TLS connections to the CA",
		.fallback = "the system's" },
	{ .name = "dns",
		.type = API_REF,
		.resource = "dnsProvider",
		.metavar = "DNS",
		.help = "validate over this DNS provider of certd instead of the client's way" },
	{ .name = "dryRun", .type = API_BOOL, .help = "show the changes without making them" },
	{ .name = NULL },
};
static const struct api_field set_options[] = {
	{ .name = "unset",
		.type = API_STRLIST,
		.metavar = "OPTION",
		.help = "reset the property of this option to its default" },
	TAKE_FILES,
	DRY_RUN,
	{ .name = NULL },
};

static const struct api_field list_options[] = {
	{ .name = "sort", .type = API_STRING, .metavar = "FIELD[:desc]", .help = "sort by this property" },
	{ .name = "columns", .type = API_STRING, .metavar = "FIELD,...", .help = "properties to show" },
	{ .name = NULL },
};

static const char list_notes[] =
	"NOUN is provider, auto, cert, dns, consumer, alert, token or authorization. FIELD is a property\n"
	"(commonName), a metadata field (notAfter, lastError.message) or a column title.\n"
	"\n"
	"  certctl list --state FAILED --columns name,attempts,lastError.message\n"
	"  certctl list cert --expires-before 30d --sort notAfter\n";
static const char watch_notes[] =
	"Prints a line for each event if standard output is not a terminal. Press Ctrl-C to stop. If\n"
	"certd restarts, certctl reconnects.\n";
static const char apply_notes[] =
	"Shows the differences, then sends one object at a time. Each object changes completely or\n"
	"not at all. The file describes each object completely: a property that is missing is reset\n"
	"to its default. Secrets are given as a file or systemd credential; certd keeps them, and\n"
	"later files may omit them.\n"
	"\n"
	"  certctl dump > site.yaml\n"
	"  certctl apply -f site.yaml --dry-run\n";
static const char migrate_notes[] =
	"CLIENT is certbot, acme.sh, lego, dehydrated or uacme; DIR is its directory. Without them all\n"
	"usual directories are searched. NAME is a certificate of the client (default: all).\n"
	"\n"
	"Declares the same accounts, DNS providers and certificates. The existing certificates are\n"
	"kept and renewed when they are due. A certificate is taken completely or not at all; the\n"
	"others are taken. Objects that exist are not changed, so the command can be repeated. It\n"
	"prints how to stop the other client, and does not change anything of it.\n"
	"\n"
	"  certctl migrate --dry-run\n"
	"  certctl migrate certbot --email you@example.com\n"
	"  certctl migrate lego /srv/lego www.example.com\n"
	"  certctl migrate certbot --keep-files --dry-run\n";
static const char rollback_notes[] =
	"An imported certificate may be given instead: the certificate that it replaced is deployed again.\n";

static const char dump_notes[] =
	"Writes providers, DNS providers, consumers, alerts and auto-certificates. Certificates, tokens\n"
	"and authorizations are not included. Secrets are written as {credential: NAME}.\n";
static const char set_notes[] = "A list replaces the old list. An empty value ('') resets a property to its default.\n"
				"\n"
				"  certctl set auto www.example.com --san example.com --san www2.example.com\n";

static const char audit_notes[] =
	"With --after and without --limit, all later records are printed. If the log does not verify,\n"
	"certctl fails and names the first bad record.\n"
	"\n"
	"  certctl audit --verify\n"
	"  certctl audit --after 0 -o json > audit.json\n";

#define NONE API_RESOURCE_COUNT
#define NO_METHOD API_METHOD_COUNT

/* Rows are read across, not down. */
/* clang-format off */
const struct command commands[] = {
	{ "add-provider", NULL, "register an account with a certificate authority", OPTIONS_CREATE, 0,
		API_PROVIDER, RPC_PROVIDER_CREATE, add_options, cmd_add, add_provider_notes, .bare = "server" },
	{ "add-auto", NULL, "get a certificate and keep it valid", OPTIONS_CREATE, 0,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CREATE, add_auto_options, cmd_add, add_auto_notes,
		.also = "issue obtain order certonly", .bare = "cn" },
	{ "add-dns", NULL, "declare a DNS provider for dns-01", OPTIONS_CREATE, 0,
		API_DNSPROVIDER, RPC_DNSPROVIDER_CREATE, change_options, cmd_add, add_dns_notes, .bare = "name" },
	{ "add-consumer", NULL, "declare a server that uses certificates", OPTIONS_CREATE, 0,
		API_CONSUMER, RPC_CONSUMER_CREATE, change_options, cmd_add, add_consumer_notes, .bare = "name" },
	{ "add-alert", NULL, "declare a destination that is notified of trouble", OPTIONS_CREATE, 0,
		API_ALERT, RPC_ALERT_CREATE, change_options, cmd_add, add_alert_notes, .bare = "name" },
	{ "add-token", NULL, "create a token for a REST client", OPTIONS_CREATE, 0, API_TOKEN, RPC_TOKEN_CREATE, NULL,
		cmd_add_token, add_token_notes, .bare = "name" },
	{ "import", NULL, "import a certificate that certd did not issue", OPTIONS_NONE, 0,
		API_CERTIFICATE, RPC_CERTIFICATE_CREATE, import_options, cmd_import, import_notes,
		.also = "upload install", .bare = "cert" },
	{ "export", NULL, "export a certificate or its key", OPTIONS_PARAMS,
		COMMAND_CERTIFICATE,
		API_CERTIFICATE, RPC_CERTIFICATE_EXPORT, export_options, cmd_export, export_notes, .bare = "out" },
	{ "env", "NAME", "print a certificate and its key as shell variables", OPTIONS_NONE,
		COMMAND_WORDS | COMMAND_CERTIFICATE, NONE, NO_METHOD, env_options, cmd_env, .notes = env_notes },
	{ "exec", "NAME -- COMMAND [ARGUMENT...]", "run a program with a certificate and its key in its environment",
		OPTIONS_NONE, COMMAND_WORDS | COMMAND_CERTIFICATE, NONE, NO_METHOD, env_options, cmd_exec,
		.notes = exec_notes },
	{ "list", "[NOUN]", "list objects (default: auto)", OPTIONS_LIST,
		COMMAND_NOUN | COMMAND_OPTIONAL, NONE, NO_METHOD, list_options, cmd_list, list_notes, .also = "ls" },
	{ "watch", "[NOUN]", "show a list and keep it up to date", OPTIONS_LIST,
		COMMAND_NOUN | COMMAND_OPTIONAL, NONE, NO_METHOD, list_options, cmd_watch, .notes = watch_notes },
	{ "show", "NOUN NAME...", "show objects", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAME | COMMAND_EACH, NONE,
		NO_METHOD, show_options, cmd_show, NULL, .also = "info inspect describe" },
	{ "set", "NOUN NAME", "change properties of an object", OPTIONS_UPDATE, COMMAND_NOUN | COMMAND_NAME, NONE,
		NO_METHOD, set_options, cmd_set, set_notes, .also = "edit change modify update" },
	{ "rm", "NOUN NAME...", "delete objects", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAMES, NONE, NO_METHOD,
		rm_options, cmd_rm, NULL, .also = "delete remove del" },
	{ "apply", "-f FILE", "change the declarations to match a file", OPTIONS_NONE, 0, NONE, NO_METHOD,
		apply_options, cmd_apply, apply_notes, .also = "load restore", .bare = "file" },
	{ "migrate", "[CLIENT [DIR]] [NAME...]", "take over the certificates of another ACME client", OPTIONS_NONE,
		COMMAND_WORDS | COMMAND_CLIENT, NONE, NO_METHOD, migrate_options, cmd_migrate, .notes = migrate_notes },
	{ "dump", NULL, "write all declarations in the format of apply", OPTIONS_NONE, 0, NONE, NO_METHOD, dump_options,
		cmd_dump, dump_notes, .also = "save" },
	{ "renew", NULL, "order a new certificate now", OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE,
		RPC_AUTOCERTIFICATE_RENEW, wait_options, cmd_renew, .notes = NULL },
	{ "reissue", NULL, "replace many certificates before their time", OPTIONS_PARAMS, 0, NONE, RPC_SERVER_REISSUE,
		reissue_options, cmd_reissue, .notes = reissue_notes, .also = "replace incident" },
	{ "cancel", NULL, "end the order in progress; certd tries again later", OPTIONS_PARAMS, COMMAND_EACH,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CANCEL, NULL, cmd_pause, NULL, .also = "abort stop" },
	{ "rollback", NULL, "deploy an earlier certificate; the newest one is deployed again by rollback --to",
		OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_ROLLBACK, NULL, cmd_rollback,
		rollback_notes, .also = "revert undo" },
	{ "approve", NULL, "deploy a renewed certificate that is held because it differs from the one in use",
		OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_APPROVE, NULL, cmd_pause, NULL,
		.also = "accept release" },
	{ "revoke", NULL, "revoke a certificate, after its replacement is deployed", OPTIONS_PARAMS, COMMAND_EACH,
		API_CERTIFICATE, RPC_CERTIFICATE_REVOKE, NULL, cmd_revoke, .notes = revoke_notes },
	{ "pause", NULL, "suspend renewal", OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE,
		RPC_AUTOCERTIFICATE_PAUSE, NULL, cmd_pause, NULL, .also = "disable suspend" },
	{ "resume", NULL, "resume renewal", OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE,
		RPC_AUTOCERTIFICATE_RESUME, NULL, cmd_pause, NULL, .also = "enable unpause" },
	{ "status", NULL, "show the state of certd on one screen", OPTIONS_NONE, 0, NONE, RPC_SERVER_STATUS,
		status_options, cmd_status, status_notes, .also = "health" },
	{ "backup", "FILE", "copy the store to a file, sealed with a passphrase, and verify it", OPTIONS_PARAMS,
		COMMAND_WORDS, NONE, RPC_SERVER_BACKUP, NULL, cmd_backup, .notes = backup_notes },
	{ "rekey", NULL, "change the master key", OPTIONS_PARAMS, 0, NONE, RPC_SERVER_REKEY, NULL, cmd_rekey,
		.notes = rekey_notes },
	{ "reload", NULL, "read certd.conf again", OPTIONS_NONE, 0, NONE, RPC_SERVER_RELOAD, NULL, cmd_reload, NULL,
		.also = "reconfigure rehash" },
	{ "schedule", NULL, "list planned work", OPTIONS_PARAMS, 0, NONE, RPC_SCHEDULE_LIST, NULL, cmd_schedule,
		NULL, .also = "jobs" },
	{ "forecast", NULL, "show how many renewals are to come, and when", OPTIONS_PARAMS, 0, NONE,
		RPC_SERVER_FORECAST, NULL, cmd_forecast, .notes = forecast_notes, .also = "plan load calendar" },
	{ "explain", "[NOUN] NAME...", "explain the state of an object, what happens next, when and why", OPTIONS_NONE,
		COMMAND_NOUN | COMMAND_NAME | COMMAND_EACH | COMMAND_ANY, NONE, RPC_AUTOCERTIFICATE_EXPLAIN, NULL,
		cmd_explain, NULL, .also = "why" },
	{ "check", NULL, "check now whether the next renewal would succeed", OPTIONS_PARAMS, COMMAND_EACH,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CHECK, NULL, cmd_ready, .notes = check_notes,
		.also = "ready verify" },
	{ "rehearse", NULL, "order from a staging CA as the next renewal would, and throw the certificate away",
		OPTIONS_PARAMS, COMMAND_EACH, API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_REHEARSE, rehearse_options,
		cmd_rehearse, .notes = rehearse_notes, .also = "dry-run rehearsal" },
	{ "doctor", NULL, "check this host and all auto-certificates", OPTIONS_NONE, 0, NONE, RPC_SERVER_CHECK, NULL,
		cmd_doctor, .notes = doctor_notes, .also = "diagnose checkup" },
	{ "deploy", NULL, "write the files and notify the consumer again", OPTIONS_PARAMS, 0, API_CONSUMER,
		RPC_CONSUMER_DEPLOY, wait_options, cmd_deploy, NULL, .also = "redeploy" },
	{ "probe", NULL, "check now which certificate a consumer presents", OPTIONS_PARAMS, 0, API_CONSUMER,
		RPC_CONSUMER_PROBE, wait_options, cmd_probe, NULL, .also = "test" },
	{ "events", "[NOUN NAME]", "list events", OPTIONS_PARAMS, COMMAND_NOUN | COMMAND_NAME | COMMAND_OPTIONAL,
		NONE, RPC_EVENT_LIST, events_options, cmd_events, NULL, .also = "log logs" },
	{ "new-account", NULL, "register another account in place of one that the CA refuses", OPTIONS_PARAMS, 0,
		API_PROVIDER, RPC_PROVIDER_NEW_ACCOUNT, wait_options, cmd_renew,
		.notes = new_account_notes },
	{ "export-provider", NULL, "export a provider with its account key, sealed with a passphrase", OPTIONS_PARAMS,
		0, API_PROVIDER, RPC_PROVIDER_EXPORT, export_options, cmd_export_provider,
		.notes = export_provider_notes, .bare = "out" },
	{ "import-provider", "FILE", "declare an exported provider again, with its account", OPTIONS_NONE,
		COMMAND_WORDS, API_PROVIDER, RPC_PROVIDER_CREATE, import_provider_options, cmd_import_provider,
		.notes = import_provider_notes },
	{ "rollover", NULL, "replace the key of an account", OPTIONS_PARAMS, 0, API_PROVIDER, RPC_PROVIDER_ROLLOVER,
		wait_options, cmd_renew, .notes = rollover_notes },
	{ "deactivate", NULL, "deactivate the account of a provider for good", OPTIONS_PARAMS, 0, API_PROVIDER,
		RPC_PROVIDER_DEACTIVATE, wait_options, cmd_renew, .notes = deactivate_notes },
	{ "register", "EMAIL", "register an account with a CA", OPTIONS_NONE, COMMAND_WORDS, API_PROVIDER,
		RPC_PROVIDER_CREATE, register_options, cmd_register, .notes = register_notes },
	{ "authorize", "DOMAIN", "get the TXT record that validates a name, to publish it manually",
		OPTIONS_NONE, COMMAND_WORDS, API_AUTHORIZATION, RPC_AUTHORIZATION_CREATE, authorize_options,
		cmd_authorize, .notes = authorize_notes },
	{ "get", "DOMAIN...", "get a certificate for names that were authorized manually", OPTIONS_NONE, COMMAND_WORDS,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CREATE, get_options, cmd_get, .notes = get_notes },
	{ "audit", NULL, "list changes with their old and new values, and refused calls", OPTIONS_PARAMS, 0, NONE,
		RPC_AUDIT_LIST, audit_options, cmd_audit, .notes = audit_notes },
	{ "ct", NULL, "list certificates for your names that certd did not order (Certificate Transparency)",
		OPTIONS_NONE, 0, NONE, RPC_CT_LIST, ct_options, cmd_ct, .notes = ct_notes, .also = "transparency" },
	{ "check-dns", NULL, "add a TXT record for a test, look it up on all name servers, and remove it",
		OPTIONS_PARAMS, 0, API_DNSPROVIDER, RPC_DNSPROVIDER_CHECK, NULL, cmd_check_dns,
		.notes = check_dns_notes, .also = "test-dns" },
	{ "alert", "test NAME", "send a test message to an alert destination, and print its answer", OPTIONS_NONE,
		COMMAND_WORDS, API_ALERT, RPC_ALERT_TEST, NULL, cmd_alert, .notes = "  certctl alert test ops\n" },
	{ "call", "METHOD [JSON]", "call a method of the control API", OPTIONS_NONE, COMMAND_WORDS, NONE, NO_METHOD,
		NULL, cmd_call, .notes = "  certctl call rpc.discover\n" },
	{ "complete", "WORD...", "print completion candidates for the last word", OPTIONS_NONE, COMMAND_WORDS, NONE,
		NO_METHOD, NULL, cmd_complete, .notes = NULL },
	{ "help", "[COMMAND]", "show help for certctl or a command", OPTIONS_NONE, COMMAND_WORDS, NONE, NO_METHOD, NULL,
		cmd_help, .notes = NULL },
	{ "version", NULL, "show the version", OPTIONS_NONE, 0, NONE, NO_METHOD, NULL, cmd_version, .notes = NULL },
	{ .name = NULL },
};
/* clang-format on */
