"""Sources of DICOM series and NIfTI files."""
