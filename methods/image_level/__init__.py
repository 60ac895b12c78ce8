"""Methods that score one embedding per image: DNE and a one-class SVM."""
