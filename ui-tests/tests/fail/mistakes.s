# Two mistakes in a text file.
        r0 = 017
        goto nowhere
        exit
