"""What happens before cameras, told on: a log on disk, a webhook, a message broker."""
