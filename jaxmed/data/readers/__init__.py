"""Sources made from files of your own: tables, images, texts, and prepared tfds data sets."""
