# The sample configuration and examples for web servers, which the system tests load as they are.
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/certd.conf etc/nginx-acme-challenge.conf etc/nginx-tls.conf etc/haproxy-acme-challenge.cfg \
	etc/haproxy-tls.cfg

# An administrator's file is never replaced, and removed only if it is still the sample.
certd_conf = $(DESTDIR)$(sysconfdir)/certd/certd.conf
install-certd-conf:
	test -e '$(certd_conf)' || { $(MKDIR_P) '$(DESTDIR)$(sysconfdir)/certd' && \
		$(INSTALL_DATA) $(srcdir)/etc/certd.conf '$(certd_conf)'; }

uninstall-certd-conf:
	! cmp -s $(srcdir)/etc/certd.conf '$(certd_conf)' || rm -f '$(certd_conf)'

install-data-local: install-certd-conf
uninstall-local: uninstall-certd-conf
.PHONY: install-certd-conf uninstall-certd-conf
