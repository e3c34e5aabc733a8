# a CPU that loads a space keeps the generation of the one before
/void loading(/,/^    }$/ {
/cpu\.reached\.store(/,/;/d
}
