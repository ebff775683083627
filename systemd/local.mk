# systemd units and their helpers. Paths are filled in here because configure would leave ${prefix} in them.
units_in = systemd/certd.service systemd/certd-http.service systemd/certd-tls-alpn.service \
	systemd/certd-master-key.service systemd/certd-nginx.service \
	systemd/certd-haproxy.service systemd/certd-reload@.service systemd/certd-reload-apache2.service \
	systemd/certd-reload-dovecot.service systemd/certd-reload-postfix.service systemd/certd-reload-postgresql.service
units = systemd/certd.socket systemd/certd-http.socket systemd/certd-http-proxy.socket systemd/certd-rest.socket \
	systemd/certd-tls-alpn.socket \
	systemd/certd-nginx.path systemd/certd-nginx.timer systemd/certd-haproxy.path systemd/certd-haproxy.timer \
	systemd/certd-reload@.path systemd/certd-reload@.timer
unit_helpers = systemd/make-master-key systemd/nginx-includes systemd/reload-postgresql systemd/reload-server \
	systemd/take-port

# What tests a server's configuration as root has one sandbox: the line @sandbox@ is replaced by it.
$(units_in): %: %.in systemd/reload-sandbox Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
		sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@sbindir[@]|$(sbindir)|g' \
			-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' \
			-e '/^@sandbox[@]$$/{' -e 'r $(srcdir)/systemd/reload-sandbox' -e 'd' -e '}' $< >$@

EXTRA_DIST += $(units_in:=.in) $(units) systemd/reload-sandbox systemd/50-certd.rules systemd/certd.sysusers systemd/certd.tmpfiles
CLEANFILES += $(units_in)
all-local: $(units_in)

if HAVE_SYSTEMDSYSTEMUNITDIR
systemdsystemunit_DATA = $(units)
nodist_systemdsystemunit_DATA = $(units_in)
dist_pkglibexec_SCRIPTS = $(unit_helpers)
else
EXTRA_DIST += $(unit_helpers)
endif

# What journalctl -x says of certd's messages, from the table of events.
certd.catalog: certd$(EXEEXT)
	$(AM_V_GEN)./certd$(EXEEXT) --help-events > $@.tmp && mv $@.tmp $@
CLEANFILES += certd.catalog
all-local: certd.catalog
if HAVE_CATALOGDIR
nodist_catalog_DATA = certd.catalog
endif

if HAVE_POLKITRULESDIR
polkitrules_DATA = systemd/50-certd.rules
endif

# Both files are installed as certd.conf, so they have different names here.
install-systemd:
if HAVE_SYSUSERSDIR
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) $(srcdir)/systemd/certd.sysusers '$(DESTDIR)$(sysusersdir)/certd.conf'
endif
if HAVE_TMPFILESDIR
	$(MKDIR_P) '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/systemd/certd.tmpfiles '$(DESTDIR)$(tmpfilesdir)/certd.conf'
endif

uninstall-systemd:
	rm -f '$(DESTDIR)$(sysusersdir)/certd.conf' '$(DESTDIR)$(tmpfilesdir)/certd.conf'

install-data-local: install-systemd
uninstall-local: uninstall-systemd
.PHONY: install-systemd uninstall-systemd

TESTS += tests/support/check-units
EXTRA_DIST += tests/support/check-units
