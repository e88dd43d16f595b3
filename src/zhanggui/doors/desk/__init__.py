"""掌柜台: one file per subject, pages as frozen dataclasses."""
