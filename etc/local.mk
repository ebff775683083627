# example configuration
