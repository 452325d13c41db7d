"""Sources of DICOM series and NIfTI files, on one grid."""
